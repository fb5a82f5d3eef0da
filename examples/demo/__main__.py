"""The demo, step by step. A step that does not end as promised ends the demo with an error."""

from demo import digits, lite0, object_store
from demo.install import install
from demo.shell import apply, headline, kubectl
from demo.summary import print_summary
from demo.traffic import scale_with_traffic

NAMESPACE = "slipway-demo"


def main() -> None:
    headline("Install Slipway with Helm")
    install()
    apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        }
    )
    object_store.create_credentials(NAMESPACE)

    headline("Upload EfficientNet-Lite0: weights, code, data to measure on")
    lite0.upload()

    headline("Apply the ModelDeployment and follow it")
    model, apply_to_ready = lite0.deploy(NAMESPACE)
    print(kubectl("get", "modeldeployments", "-n", NAMESPACE))

    headline("Classify photographs through the Service")
    answers = lite0.answers(NAMESPACE)
    wrong = [name for name, right in answers.items() if not right]
    if wrong:
        raise SystemExit(f"wrong class for {', '.join(wrong)}")

    headline("Put load on it")
    scaling = scale_with_traffic(NAMESPACE, lite0.NAME, lite0.TENSOR, workers=16, seconds=60)

    headline("A second model: a digit CNN, trained here, served on the CPU")
    digits_accuracy = digits.run(NAMESPACE)

    print(kubectl("get", "modeldeployments", "-n", NAMESPACE))
    print_summary(model, apply_to_ready, scaling, digits_accuracy)


if __name__ == "__main__":
    main()
