// Package kubernetes has what promtool names of the discovery of targets in Kubernetes, which is left out here.
package kubernetes

import (
	"github.com/prometheus/common/config"
	"github.com/prometheus/prometheus/discovery"
)

// SDConfig is never registered, so no configuration is of it.
type SDConfig struct {
	discovery.Config
	HTTPClientConfig config.HTTPClientConfig
}
