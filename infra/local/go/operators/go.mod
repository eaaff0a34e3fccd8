// Modules that hold the definitions of operators' resources. Nothing of them is built: deployment.definitions reads the files.
module payments.local/tools/operators

go 1.26.5

require (
	github.com/kedacore/keda/v2 v2.17.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
