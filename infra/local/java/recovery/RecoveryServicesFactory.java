package payments.flink;

import java.util.concurrent.Executor;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.blob.BlobStore;
import org.apache.flink.runtime.blob.BlobStoreService;
import org.apache.flink.runtime.blob.BlobUtils;
import org.apache.flink.runtime.dispatcher.Dispatcher;
import org.apache.flink.runtime.highavailability.FileSystemJobResultStore;
import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesFactory;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesUtils;
import org.apache.flink.runtime.highavailability.JobResultStore;
import org.apache.flink.runtime.highavailability.nonha.standalone.StandaloneHaServices;
import org.apache.flink.runtime.jobmanager.ExecutionPlanStore;
import org.apache.flink.runtime.resourcemanager.ResourceManager;
import org.apache.flink.runtime.rpc.AddressResolution;
import org.apache.flink.runtime.rpc.RpcServiceUtils;
import org.apache.flink.runtime.rpc.RpcSystem;

/**
 * One job manager that remembers its jobs: restarted, it goes on with each from the newest of its checkpoints.
 *
 * <p>Flink's own services for that, with ZooKeeper or Kubernetes, write twice for every checkpoint, of which a job makes
 * ten a second here; and a job that its client has to plan again takes that client's JVM ten seconds. These write when a
 * job begins and when it ends. There is one job manager at a time: whoever starts two of them is not stopped here.
 */
public final class RecoveryServicesFactory implements HighAvailabilityServicesFactory {
    @Override
    public HighAvailabilityServices createHAServices(Configuration configuration, Executor executor) throws Exception {
        // A task manager may start before the name of the job manager resolves.
        AddressResolution resolution = AddressResolution.NO_ADDRESS_RESOLUTION;
        Tuple2<String, Integer> address = HighAvailabilityServicesUtils.getJobManagerAddress(configuration);
        try (RpcSystem rpc = RpcSystem.load(configuration)) {
            return new RecoveryServices(
                    url(rpc, address, ResourceManager.RESOURCE_MANAGER_NAME, resolution, configuration),
                    url(rpc, address, Dispatcher.DISPATCHER_NAME, resolution, configuration),
                    HighAvailabilityServicesUtils.getWebMonitorAddress(configuration, resolution),
                    configuration,
                    executor);
        }
    }

    private static String url(
            RpcSystem rpc,
            Tuple2<String, Integer> address,
            String endpoint,
            AddressResolution resolution,
            Configuration configuration)
            throws Exception {
        String name = RpcServiceUtils.createWildcardName(endpoint);
        return rpc.getRpcUrl(address.f0, address.f1, name, resolution, configuration);
    }

    private static final class RecoveryServices extends StandaloneHaServices {
        private final ExecutionPlanStore plans;
        private final JobResultStore results;
        private final BlobStoreService blobs;

        RecoveryServices(
                String resourceManager, String dispatcher, String web, Configuration configuration, Executor executor)
                throws Exception {
            super(resourceManager, dispatcher, web);
            plans = new StoredPlans(HighAvailabilityServicesUtils.getClusterHighAvailableStoragePath(configuration));
            results = FileSystemJobResultStore.fromConfiguration(configuration, executor);
            blobs = BlobUtils.createBlobStoreFromConfig(configuration);
        }

        @Override
        public ExecutionPlanStore getExecutionPlanStore() {
            return plans;
        }

        @Override
        public JobResultStore getJobResultStore() {
            return results;
        }

        @Override
        public BlobStore createBlobStore() {
            return blobs;
        }

        @Override
        public void close() throws Exception {
            blobs.close();
            super.close();
        }

        @Override
        public void cleanupAllData() throws Exception {
            blobs.cleanupAllData();
            super.cleanupAllData();
        }
    }
}
