#!/usr/bin/env python3
"""What deploy/kafka/cluster.sh says and refuses without a broker, in a copy of its own; Java and Maven are made up."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "deploy/kafka"
# A Java that knows an id for a cluster and formats storage, and whose broker ends at once.
JAVA = """#!/bin/bash
case "$*" in
  *random-uuid*) echo made-up-id ;;
  *"StorageTool format"*) ;;
  *kafka.Kafka*) echo "1 [main] ERROR x - no broker in this test"; seq 20; exit 1 ;;
esac
"""
MAVEN = """#!/bin/bash
echo fetched >>"$CALLS"
last=${!#}
mkdir -p "${last#-DoutputDirectory=}"
"""


def free_port():
    """The first of six ports on which nobody listens: a developer's cluster may have the usual ones."""
    for first in range(10000, 19000, 10):
        listening = False
        for port in range(first, first + 6):
            with socket.socket() as client:
                listening = listening or client.connect_ex(("127.0.0.1", port)) == 0
        if not listening:
            return str(first)
    raise AssertionError("there are no free ports")


class ClusterTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.root / "deploy").mkdir()
        shutil.copytree(SOURCE, self.root / "deploy/kafka")
        self.programs = self.root / "programs"
        self.programs.mkdir()
        self.put("java", JAVA)
        self.put("mvn", MAVEN)

    def put(self, name, text):
        (self.programs / name).write_text(text, encoding="utf-8")
        (self.programs / name).chmod(0o755)

    def run_with(self, *arguments, path=None):
        environment = {"PATH": path or f"{self.programs}:{os.environ['PATH']}", "CALLS": str(self.root / "calls")}
        done = subprocess.run([self.root / "deploy/kafka/cluster.sh", *arguments], capture_output=True, text=True,
                              env=environment, timeout=30)
        return done.returncode, done.stdout, done.stderr

    def test_help_names_every_command(self):
        code, said, _ = self.run_with("--help")
        self.assertEqual(code, 0)
        for command in ("up", "down", "status", "servers", "start N", "stop N", "kill N", "topics", "groups"):
            self.assertIn(f"\n  {command} ", said)

    def test_misuse_is_refused_and_leaves_nothing(self):
        for arguments, expected in (
            ([], "a command is missing"),
            (["fly"], 'no command "fly"'),
            (["up", "--brokers", "2"], "--brokers is 1 or 3"),
            (["up", "--brokers"], "--brokers wants a value"),
            (["up", "--port", "80"], "--port is a number"),
            (["up", "--data"], 'no option "--data"'),
            (["up", "--name", "../x"], "is no name"),
            (["up", "--name", "libs"], "is no name"),
            (["kill"], "wants the number of a broker"),
        ):
            code, _, said = self.run_with(*arguments)
            self.assertEqual((code, expected in said), (2, True), (arguments, said))
        self.assertFalse((self.root / "build").exists())

    def test_what_is_not_there_is_said(self):
        self.assertEqual(self.run_with("down", "--name", "x")[:2], (0, "kafka: there is no cluster x\n"))
        for command in (["status"], ["servers"], ["start", "1"], ["topics", "--list"]):
            code, _, said = self.run_with(*command)
            self.assertEqual((code, "there is no cluster dev" in said), (1, True), said)

    def test_a_missing_java_is_said_with_the_mend(self):
        bare = self.root / "bare"
        bare.mkdir()
        for tool in ("bash", "dirname", "env"):
            (bare / tool).symlink_to(shutil.which(tool))
        code, _, said = self.run_with("up", path=str(bare))
        self.assertEqual((code, said), (1, "kafka: java is missing: run tools/bootstrap.sh kafka\n"))

    def test_a_fetch_that_fails_is_said_and_done_again_the_next_time(self):
        self.put("mvn", "#!/bin/bash\necho 'the registry is away'\nexit 1\n")
        code, _, said = self.run_with("up")
        self.assertEqual(code, 1)
        self.assertIn("the registry is away", said)
        self.assertIn("Maven could not fetch", said)
        self.put("mvn", MAVEN)
        self.run_with("up")
        self.assertTrue((self.root / "build/kafka/libs/pom.xml").is_file())

    def test_a_broker_that_ends_fails_with_the_errors_and_the_end_of_its_log(self):
        code, _, said = self.run_with("up", "--port", free_port())
        self.assertEqual(code, 1)
        self.assertIn("ERROR x - no broker in this test", said)
        self.assertIn("\n20\n", said)
        self.assertIn("broker 1 of cluster dev ended while it started", said)

    def test_jars_are_fetched_once_for_all_clusters(self):
        self.run_with("up")
        self.run_with("up", "--name", "other")
        self.assertEqual((self.root / "calls").read_text(encoding="utf-8"), "fetched\n")

    def test_a_port_that_is_taken_is_named(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = str(other.getsockname()[1])
            code, _, said = self.run_with("up", "--port", port)
        self.assertEqual((code, f"port {port} of 127.0.0.1, which broker 1 needs, is taken" in said), (1, True), said)

    def test_three_brokers_copy_everything(self):
        self.run_with("up", "--brokers", "3", "--port", free_port())
        own = (self.root / "build/kafka/dev/3/server.properties").read_text(encoding="utf-8").splitlines()
        for line in ("node.id=3", "min.insync.replicas=2", "default.replication.factor=3",
                     "offsets.topic.replication.factor=3", "unclean.leader.election.enable=false",
                     "message.max.bytes=1310720", "log.message.timestamp.type=LogAppendTime"):
            self.assertIn(line, own)

    def test_each_cluster_has_its_ports(self):
        self.run_with("up", "--brokers", "3", "--name", "other")
        code, servers, _ = self.run_with("servers", "--name", "other")
        ports = [int(server.rsplit(":", 1)[1]) for server in servers.strip().split(",")]
        self.assertEqual((code, ports), (0, [ports[0], ports[0] + 2, ports[0] + 4]))
        self.assertTrue(20000 <= ports[0] < 30000, ports)
        self.run_with("up")
        self.assertEqual(self.run_with("servers")[:2], (0, "127.0.0.1:19192\n"))

    def test_the_number_of_brokers_stays_until_the_data_is_removed(self):
        self.run_with("up", "--name", "x")
        code, _, said = self.run_with("up", "--name", "x", "--brokers", "3")
        self.assertEqual((code, "`down --data` removes it" in said), (1, True), said)
        self.assertEqual(self.run_with("down", "--name", "x", "--data")[0], 0)
        self.assertFalse((self.root / "build/kafka/x").exists())
        self.run_with("up", "--name", "x", "--brokers", "3")
        self.assertEqual(len(self.run_with("servers", "--name", "x")[1].split(",")), 3)


if __name__ == "__main__":
    unittest.main()
