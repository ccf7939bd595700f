"""An Airflow 3 DAG: each day's tweets, scored on the worker; a backfill takes the days before."""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

# The interval that a run at 03:30 is for starts the day before: that is the date it scores.
COMMAND = (
    "/opt/mm-emor/.venv/bin/mm-emor score --items '/data/tweets/{date}*.jsonl' "
    "--out /data/emotions --date {{ data_interval_start | ds }} --if-done skip --json"
)

with DAG(
    "mm_emor",
    schedule=CronDataIntervalTimetable("30 3 * * *", timezone="UTC"),
    start_date=datetime(2026, 11, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
):
    BashOperator(task_id="score", bash_command=COMMAND)
