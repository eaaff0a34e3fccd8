"""The child process that submits: a Submission as JSON on standard input, the job's id on standard output."""

import sys

from normalizer.flink import submit
from normalizer.submission import Submission


def main() -> None:
    """Submit one job."""
    job_id = submit(Submission.model_validate_json(sys.stdin.read()))
    sys.stdout.write(f"{job_id}\n")


if __name__ == "__main__":
    main()
