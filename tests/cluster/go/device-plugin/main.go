// Device-plugin advertises fake GPUs to the kubelet over its real device-plugin API,
// so that scheduling onto accelerators can be tested on a machine without one.
package main

import (
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

func main() {
	resource := flag.String("resource", "nvidia.com/gpu", "extended resource to advertise")
	devices := flag.Int("devices", 8, "how many devices to advertise")
	flag.Parse()

	socket := filepath.Join(api.DevicePluginPath, strings.ReplaceAll(*resource, "/", "-")+".sock")
	server := serve(socket, newPlugin(*devices))
	defer server.Stop()
	if err := register(*resource, filepath.Base(socket)); err != nil {
		log.Fatalf("register with the kubelet: %v", err)
	}
	log.Printf("advertising %d of %s", *devices, *resource)
	waitForEnd(socket)
}

func serve(socket string, plugin *plugin) *grpc.Server {
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		log.Fatalf("remove the old socket: %v", err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatalf("listen: %v", err)
	}
	server := grpc.NewServer()
	api.RegisterDevicePluginServer(server, plugin)
	go func() {
		if err := server.Serve(listener); err != nil {
			log.Fatalf("serve: %v", err)
		}
	}()
	return server
}

// waitForEnd returns on a signal, or when the socket is gone: a kubelet that restarts
// removes it and expects a new registration, which the container's restart brings.
func waitForEnd(socket string) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			if _, err := os.Stat(socket); os.IsNotExist(err) {
				log.Print("the kubelet removed the socket: registering again")
				return
			}
		}
	}
}
