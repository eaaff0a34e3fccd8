package payments.flink;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectStreamException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.apache.flink.api.common.JobID;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.jobgraph.JobResourceRequirements;
import org.apache.flink.runtime.jobmanager.ExecutionPlanStore;
import org.apache.flink.streaming.api.graph.ExecutionPlan;
import org.apache.flink.util.InstantiationUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a session runs, one file a job; a job that is read back goes on from the newest of its snapshots. */
final class StoredPlans implements ExecutionPlanStore {
    private static final Logger LOG = LoggerFactory.getLogger(StoredPlans.class);
    private static final String SUFFIX = ".plan";

    private final Path directory;

    StoredPlans(Path storage) {
        directory = new Path(storage, "jobs");
    }

    @Override
    public void start(ExecutionPlanListener listener) throws IOException {
        // Nobody else writes here, so there is nothing to listen for.
        files().mkdirs(directory);
    }

    @Override
    public void stop() {}

    @Override
    public void putExecutionPlan(ExecutionPlan plan) throws IOException {
        Path written = new Path(directory, plan.getJobID().toHexString() + ".part");
        try (OutputStream out = files().create(written, FileSystem.WriteMode.OVERWRITE)) {
            InstantiationUtil.serializeObject(out, plan);
        }
        Path file = file(plan.getJobID());
        files().delete(file, false);
        if (!files().rename(written, file)) {
            throw new IOException("Cannot rename " + written + " to " + file);
        }
    }

    @Override
    public void putJobResourceRequirements(JobID job, JobResourceRequirements requirements) throws Exception {
        ExecutionPlan plan = read(job);
        JobResourceRequirements.writeToExecutionPlan(plan, requirements);
        putExecutionPlan(plan);
    }

    @Override
    public Collection<JobID> getJobIds() throws IOException {
        List<JobID> jobs = new ArrayList<>();
        for (FileStatus each : Snapshots.list(directory)) {
            String name = each.getPath().getName();
            if (name.endsWith(SUFFIX)) {
                jobs.add(JobID.fromHexString(name.substring(0, name.length() - SUFFIX.length())));
            }
        }
        return jobs;
    }

    /** Returns null, for which Flink goes on without the job, where another version of the programs wrote the plan. */
    @Override
    public ExecutionPlan recoverExecutionPlan(JobID job) throws IOException {
        try {
            ExecutionPlan plan = read(job);
            plan.setSavepointRestoreSettings(Snapshots.newest(plan));
            LOG.info("Job {} goes on from {}", job, plan.getSavepointRestoreSettings().getRestorePath());
            return plan;
        } catch (EOFException | ObjectStreamException | ClassNotFoundException | LinkageError unreadable) {
            LOG.warn("The plan of job {} cannot be read any more: the job has to be submitted again", job, unreadable);
            files().delete(file(job), false);
            return null;
        }
    }

    @Override
    public CompletableFuture<Void> globalCleanupAsync(JobID job, Executor executor) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        files().delete(file(job), false);
                    } catch (IOException error) {
                        throw new UncheckedIOException(error);
                    }
                },
                executor);
    }

    private ExecutionPlan read(JobID job) throws IOException, ClassNotFoundException {
        try (InputStream in = files().open(file(job))) {
            return InstantiationUtil.deserializeObject(in, Thread.currentThread().getContextClassLoader());
        }
    }

    private Path file(JobID job) {
        return new Path(directory, job.toHexString() + SUFFIX);
    }

    private FileSystem files() throws IOException {
        return directory.getFileSystem();
    }
}
