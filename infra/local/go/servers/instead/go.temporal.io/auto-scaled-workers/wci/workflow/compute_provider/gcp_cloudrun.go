package computeprovider

// Nobody starts workers in a cloud here, so no cloud's client is compiled; these are what the server names of it.

// GCPImpersonationChainProvider is never asked.
type GCPImpersonationChainProvider any

// NoopGCPImpersonationChainProvider is the one that the server is given.
type NoopGCPImpersonationChainProvider struct{}

// SetGCPImpersonationChainProvider does nothing.
func SetGCPImpersonationChainProvider(GCPImpersonationChainProvider) {}
