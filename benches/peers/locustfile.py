"""What `scripts/compare-peers.sh` has Locust do: name the class on the command line.

GuideUser        the guide's user, on HttpUser (requests)
GuideFastUser    the same on FastHttpUser (geventhttpclient)
PlainUser, PlainFastUser      GET / again and again

They wait 1 to 5 seconds between two tasks, as the guide's do; PEERS_WAIT_S sets a constant wait instead: 0 for none, which
leaves the process bound by its CPU, 60 for users that think for a minute.
"""

import os
import random

from locust import FastHttpUser, HttpUser, User, between, constant, task

wait = constant(float(os.environ["PEERS_WAIT_S"])) if "PEERS_WAIT_S" in os.environ else between(1, 5)


class Guide(User):
    """Logs in, then views projects, views tasks and creates tasks, 3 : 2 : 1."""

    abstract = True
    wait_time = wait

    def on_start(self):
        who = {"email": "test@example.com", "password": "testpassword"}
        token = self.client.post("/api/v2/auth/login", json=who).json()["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    @task(3)
    def view_projects(self):
        self.client.get("/api/v2/projects", headers=self.headers)

    @task(2)
    def view_tasks(self):
        self.client.get("/api/v2/tasks", headers=self.headers)

    @task(1)
    def create_task(self):
        made = {"title": f"Load test task {random.randint(1, 1000)}", "description": "Automated load test task"}
        self.client.post("/api/v2/tasks", headers=self.headers, json=made)


class Plain(User):
    """Asks for one page."""

    abstract = True
    wait_time = wait

    @task
    def page(self):
        self.client.get("/")


class GuideUser(Guide, HttpUser):
    pass


class GuideFastUser(Guide, FastHttpUser):
    pass


class PlainUser(Plain, HttpUser):
    pass


class PlainFastUser(Plain, FastHttpUser):
    pass
