import tomllib

import yaml
from support.chart import CHART, ROOT, run_helm


def test_the_chart_has_the_version_of_the_package():
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (package, package)
    of = values["images"]
    images = [of["operator"], *of["optimizer"].values(), *of["serving"].values()]
    assert all(image.split(":")[1].removesuffix("-gpu") == package for image in images)


def test_the_crd_of_the_chart_is_the_generated_one():
    generated = ROOT / "crds" / "serving.slipway.dev_modeldeployments.yaml"
    assert (CHART / "files" / "crd.yaml").read_text() == generated.read_text()


def test_helm_lint_has_no_complaint():
    done = run_helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr
