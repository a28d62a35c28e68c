"""The Celery app, its queues and its clock.

Three queues with a worker process each, so that healing never waits behind a
build. A message only says "look": the work, its state and its lease are rows in
the database, so a lost, doubled or late message is harmless. Tasks are named by
string here because the portal imports no app above it.
"""

from __future__ import annotations

from celery import Celery

BUILD, ROLLOUT, HOUSEKEEPING = QUEUES = ("build", "rollout", "housekeeping")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    # Each worker speaks to the log files the supervisor keeps for it; Django's LOGGING decides the form.
    worker_hijack_root_logger=False,
    worker_enable_remote_control=True,
    broker_connection_retry_on_startup=True,
    enable_utc=True,
    task_default_queue=HOUSEKEEPING,
    task_create_missing_queues=True,
    task_routes={
        "deployments.tasks.build*": {"queue": BUILD},
        "deployments.tasks.rollout*": {"queue": ROLLOUT},
    },
    beat_schedule={
        # Reconciles services, sweeps expired leases, takes work that no message announced. Expires before the next
        # one comes, so that a busy worker is not met by a heap of them.
        "tick": {"task": "deployments.tasks.tick", "schedule": 5.0, "options": {"expires": 5, "queue": HOUSEKEEPING}},
        # A minute's news go in one mail.
        "mail": {"task": "deployments.tasks.mail_notifications", "schedule": 60.0, "options": {"expires": 60, "queue": HOUSEKEEPING}},
        "housekeeping": {"task": "deployments.tasks.housekeeping", "schedule": 3600.0, "options": {"expires": 3600, "queue": HOUSEKEEPING}},
    },
)
app.autodiscover_tasks()
