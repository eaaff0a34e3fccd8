package payments.flink;

import java.io.DataInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.RecoveryClaimMode;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.jobgraph.SavepointRestoreSettings;
import org.apache.flink.streaming.api.graph.ExecutionPlan;

/** The snapshots that a job can go on from: its checkpoints, the savepoints beside them, and what it began from. */
final class Snapshots {
    private static final String METADATA = "_metadata";
    // S3 tells times in whole seconds, in which a job makes ten checkpoints and a savepoint.
    private static final long SAME_TIME_MS = 2_000;

    private Snapshots() {}

    /**
     * Returns the settings that let a job go on from the newest of its complete snapshots; its own where there is none.
     *
     * <p>A savepoint counts, too: the job manager may have died after the job wrote it and before the job ended. Of those
     * written at about the same time the number decides, which checkpoints and savepoints share.
     */
    static SavepointRestoreSettings newest(ExecutionPlan plan) throws IOException {
        Configuration options = plan.getJobConfiguration();
        SavepointRestoreSettings given = plan.getSavepointRestoreSettings();
        List<FileStatus> found = new ArrayList<>();
        String checkpoints = options.get(CheckpointingOptions.CHECKPOINTS_DIRECTORY);
        if (checkpoints != null) {
            find(new Path(checkpoints, plan.getJobID().toHexString()), "chk-", found);
        }
        String savepoints = options.get(CheckpointingOptions.SAVEPOINT_DIRECTORY);
        if (savepoints != null) {
            find(new Path(savepoints), "savepoint-", found);
        }
        if (given.restoreSavepoint()) {
            complete(new Path(given.getRestorePath()), found);
        }
        long last = found.stream().mapToLong(FileStatus::getModificationTime).max().orElse(0);
        FileStatus newest = null;
        long highest = -1;
        for (FileStatus each : found) {
            if (each.getModificationTime() >= last - SAME_TIME_MS) {
                long number = number(each.getPath());
                if (number > highest) {
                    highest = number;
                    newest = each;
                }
            }
        }
        if (newest == null) {
            return given;
        }
        String path = newest.getPath().getParent().toString();
        return SavepointRestoreSettings.forPath(path, given.allowNonRestoredState(), RecoveryClaimMode.CLAIM);
    }

    /** Returns what is in a directory; nothing where there is no such directory. */
    static List<FileStatus> list(Path directory) throws IOException {
        try {
            FileStatus[] found = directory.getFileSystem().listStatus(directory);
            return found == null ? List.of() : List.of(found);
        } catch (FileNotFoundException absent) {
            return List.of();
        }
    }

    private static void find(Path directory, String prefix, List<FileStatus> found) throws IOException {
        for (FileStatus each : list(directory)) {
            if (each.getPath().getName().startsWith(prefix)) {
                complete(each.getPath(), found);
            }
        }
    }

    private static void complete(Path snapshot, List<FileStatus> found) throws IOException {
        try {
            found.add(snapshot.getFileSystem().getFileStatus(new Path(snapshot, METADATA)));
        } catch (FileNotFoundException incomplete) {
            // It was begun, or is deleted just now since a newer one replaces it.
        }
    }

    private static long number(Path metadata) throws IOException {
        FileSystem files = metadata.getFileSystem();
        try (DataInputStream in = new DataInputStream(files.open(metadata))) {
            if (in.readInt() != Checkpoints.HEADER_MAGIC_NUMBER) {
                throw new IOException(metadata + " does not begin as Flink's metadata do");
            }
            in.readInt();
            return in.readLong();
        }
    }
}
