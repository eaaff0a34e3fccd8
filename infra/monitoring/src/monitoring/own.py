"""Every metric that our own programs show. A test holds it against what they construct, both ways."""

from typing import Final

from monitoring.metric import Kind, Metric

C, G, H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

_GATEWAY = (
    Metric("gateway", "gateway_webhooks_total", C, "webhooks", ("provider", "outcome", "reason"),
           "Webhooks by outcome: `accepted`, `malformed`, `forged`, `refused`, `unavailable`, `failed`."),
    Metric("gateway", "gateway_secret_uses_total", C, "webhooks", ("provider", "secret_id"),
           "Authentic webhooks by the secret that signed them."),
    Metric("gateway", "gateway_secret_reloads_total", C, "changes", ("provider", "outcome"),
           "Changes of the file of secrets: `taken`, or `refused`."),
    Metric("gateway", "gateway_key_fetches_total", C, "tries", ("provider", "outcome"),
           "Tries to get the keys that a provider publishes: `fetched`, or `failed`."),
    Metric("gateway", "gateway_acknowledgement_seconds", H, "seconds", ("provider",),
           "From the request's head to Kafka's acknowledgement, of accepted webhooks."),
)  # fmt: skip

_NORMALIZER = (
    Metric("normalizer", "normalizer_normalized_total", C, "events", (), "Events that came out unified."),
    Metric("normalizer", "normalizer_rejected_total", C, "events", (), "Events quarantined on the dead-letter topic."),
    Metric("normalizer", "normalizer_rejections_total", C, "reasons", ("reason_code",),
           "Reasons of quarantined events; one event may have several."),
    Metric("normalizer", "normalizer_unsupported_total", C, "events", ("event_type",),
           "Events for whose type there is no mapping yet."),
    Metric("normalizer", "normalizer_unmapped_total", C, "events", ("event_type",),
           "Events whose type is left unmapped on purpose."),
    Metric("normalizer", "normalizer_job_ready", G, "yes or no", (), "1 while the Flink job does its work, else 0."),
    Metric("normalizer", "normalizer_job_lost_transactions", G, "transactions", (),
           "Transactions that the running tasks of the job could not commit: their records are lost to readers."),
    Metric("normalizer", "normalizer_job_checkpoints", G, "checkpoints", (), "Checkpoints that the job completed."),
    Metric("normalizer", "normalizer_statistics_failures_total", C, "readings", (),
           "Readings of the job's statistics that failed."),
)  # fmt: skip

_ORCHESTRATOR = (
    Metric("orchestrator", "orchestrator_webhook_to_normalized_seconds", H, "seconds", (),
           "From a webhook's receipt until its normalized record was read here; none of more than an hour ago."),
    Metric("orchestrator", "orchestrator_normalized_to_bronze_seconds", H, "seconds", (),
           "How long an event had been on its topic when its row was committed to Bronze."),
    Metric("orchestrator", "orchestrator_webhook_to_bronze_seconds", H, "seconds", (),
           "From a webhook's (first) receipt until its row was committed to Bronze."),
    Metric("orchestrator", "orchestrator_workflow_starts_total", C, "workflows", ("answer",),
           "Workflows asked for, by answer."),
    Metric("orchestrator", "orchestrator_workflow_start_failures_total", C, "tries", (),
           "Failed tries to start a workflow."),
    Metric("orchestrator", "orchestrator_workflow_start_seconds", H, "seconds", (),
           "Time until a workflow start was durable, retries included."),
    Metric("orchestrator", "orchestrator_starts_in_flight", G, "records", (),
           "Records read whose workflow start is not durable yet."),
    Metric("orchestrator", "orchestrator_open_workflows", G, "workflows", (),
           "Workflows started here whose row is not committed yet."),
    Metric("orchestrator", "orchestrator_offset_commits_total", C, "commits", (), "Commits of Kafka offsets."),
    Metric("orchestrator", "orchestrator_fallbacks_total", C, "rows", ("verdict",),
           "Rows that carry a fallback because a model was away."),
    Metric("orchestrator", "orchestrator_inference_circuit_open", G, "yes or no", ("model",),
           "1 while a model is not asked, since it failed too often."),
    Metric("orchestrator", "orchestrator_dead_letters_total", C, "events", ("reason",),
           "Events that were dead-lettered here."),
    Metric("orchestrator", "orchestrator_unknown_failure_total", C, "events", ("provider",),
           "Failures with a code that no table of the contracts lists."),
    Metric("orchestrator", "orchestrator_attempts_total", C, "payments", ("source",),
           "Failed attempts at payments and invoices, by who counts them."),
    Metric("orchestrator", "orchestrator_look_up_seconds", H, "seconds", ("asked",),
           "A statement that answers what the events of a moment ask the operational database."),
    Metric("orchestrator", "orchestrator_look_up_failures_total", C, "times", ("asked",),
           "What the database knows around events could not be asked: rules are undecided meanwhile."),
    Metric("orchestrator", "orchestrator_money_received_total", C, "major units", ("provider", "currency"),
           "Money of succeeded live payments as new rows of Bronze tell it, in the currency's major unit."),
    Metric("orchestrator", "orchestrator_database_rows_total", C, "rows", ("outcome",),
           "Rows put into the operational database: `stored`, or `unchanged`."),
    Metric("orchestrator", "orchestrator_database_rows_mended_total", C, "rows", (),
           "Rows stored there with U+FFFD for characters that it cannot hold."),
    Metric("orchestrator", "orchestrator_database_rows_rejected_total", C, "rows", (),
           "Rows that the operational database refuses for what is in them."),
)  # fmt: skip

_INFERENCE = (
    Metric("inference", "inference_answers_total", C, "verdicts", ("model", "verdict"), "Verdicts given."),
    Metric("inference", "inference_refusals_total", C, "requests", (),
           "Requests that did not have the form of the contract."),
    Metric("inference", "inference_seconds", H, "seconds", ("model",), "Time that a verdict took."),
)  # fmt: skip

_ARCHIVER = (
    Metric("archiver", "archive_rows_total", C, "records", ("table", "topic"), "Records committed to the archive."),
    Metric("archiver", "archive_bytes_total", C, "bytes", ("table",), "Bytes of Kafka records committed to it."),
    Metric("archiver", "archive_commits_total", C, "commits", ("table",), "Commits to the archive."),
    Metric("archiver", "archive_commit_retries_total", C, "steps", ("table",),
           "Steps of commits that have to be repeated."),
    Metric("archiver", "archive_unreadable_records_total", C, "records", ("topic", "reason"),
           "Records that were archived as bytes alone."),
    Metric("archiver", "archive_gaps_total", C, "gaps", ("topic", "kind"),
           "Times that records were gone before they were read."),
    Metric("archiver", "archive_lost_offsets_total", C, "offsets", ("topic",),
           "Offsets that were gone before they were read."),
    Metric("archiver", "archive_consumer_lag_records", G, "records", ("topic",),
           "Records of a topic that are not read yet; markers of transactions at its end count as read."),
    Metric("archiver", "archive_waiting_seconds", G, "seconds", ("table",),
           "Age of the oldest record that was read and is not committed; 0 if there is none."),
    Metric("archiver", "archive_lag_seconds", H, "seconds", ("table",),
           "From when the oldest record of a commit was produced until it was in the lake."),
)  # fmt: skip

_LAKE = (
    Metric("lake", "lake_commit_seconds", H, "seconds", ("table",),
           "Time that one grouped commit took, look-ups, conflicts and outages included."),
    Metric("lake", "lake_commit_rows", H, "rows", ("table",), "Rows of one grouped commit."),
    Metric("lake", "lake_commit_phase_seconds", H, "seconds", ("table", "phase"), "Time of one phase of a commit."),
    Metric("lake", "lake_waiting_rows", G, "rows", ("table",), "Rows that wait for a commit, or are in one."),
    Metric("lake", "lake_rows_total", C, "rows", ("table", "outcome"), "Rows handed over, by what became of them."),
    Metric("lake", "lake_commit_conflicts_total", C, "commits", ("table",),
           "Commits that another writer forestalled."),
    Metric("lake", "lake_commit_retries_total", C, "steps", ("table", "reason"),
           "Steps of commits that have to be repeated."),
    Metric("lake", "lake_commit_doubts_total", C, "commits", ("table", "fate"), "Commits without a usable answer."),
    Metric("lake", "lake_snapshots_expired_total", C, "snapshots", ("table",), "Snapshots dropped for fast commits."),
    Metric("lake", "lake_look_ups_total", C, "keys", ("table",), "Keys looked up in the whole table."),
    Metric("lake", "lake_look_up_seconds", H, "seconds", ("table",),
           "Time of looking a group's keys up in the whole table."),
    Metric("lake", "lake_manifests", G, "manifests", ("table",), "Manifests in the list of the newest snapshot."),
    Metric("lake", "lake_manifest_entries_rewritten_total", C, "entries", ("table",),
           "Entries written again to merge manifests."),
    Metric("lake", "lake_manifest_lists_read_total", C, "lists", ("table",),
           "Manifest lists read, at the start or after others' commits."),
    Metric("lake", "lake_foreign_commits_seen_total", C, "times", ("table",),
           "Times that commits of other writers came into sight."),
)  # fmt: skip

_WATCH = (
    Metric("operations", "watch_part_up", G, "yes or no", ("part",),
           "1 while a server answers, asked as those ask who work with it; else 0."),
    Metric("operations", "watch_consumer_lag_records", G, "records", ("group", "topic"),
           "Records between a group's committed offsets and the end of its topic, markers of transactions included."),
    Metric("operations", "watch_topic_end_offsets", G, "offsets", ("topic",),
           "Sum of the ends of a topic's partitions: grows with each record and each marker of a transaction."),
    Metric("operations", "watch_layer_changed_timestamp_seconds", G, "seconds since 1970", ("layer",),
           "When rows last came into a layer of the lake; compactions and deletions do not count."),
    Metric("operations", "watch_audit_open_differences", G, "differences", ("hop",),
           "Differences of the standing audit that are open."),
    Metric("operations", "watch_audit_finished_timestamp_seconds", G, "seconds since 1970", (),
           "When the newest standing audit ended."),
    Metric("operations", "watch_workflows", G, "workflows", ("state",),
           "Workflows that run, that have run for ten minutes, and that ended without success within the last hour."),
    Metric("operations", "watch_disk_free_bytes", G, "bytes", ("mount",), "Room that is left on a file system."),
    Metric("operations", "watch_disk_size_bytes", G, "bytes", ("mount",), "Size of a file system."),
)  # fmt: skip

OWN: Final = (*_GATEWAY, *_NORMALIZER, *_ORCHESTRATOR, *_INFERENCE, *_ARCHIVER, *_LAKE, *_WATCH)
"""All of them, in the order of the path."""
