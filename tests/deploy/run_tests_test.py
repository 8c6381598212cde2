#!/usr/bin/env python3
"""tools/test.sh with a made-up ctest and a made-up cluster: when a Kafka is started, and what is said without one."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools/test.sh"
CTEST = """#!/bin/bash
if [[ $* == *" -N "* ]]; then
  echo "Total Tests: $KAFKA_TESTS"
else
  echo "ctest $* kafka=${TRIBUTARY_TEST_KAFKA:-none}" >>"$CALLS"
  exit "$CTEST_STATUS"
fi
"""
CLUSTER = """#!/bin/bash
echo "cluster $*" >>"$CALLS"
case $1 in
  up) echo 'kafka: a reason' && exit "$UP_STATUS" ;;
  servers) echo 127.0.0.1:1 ;;
esac
"""
WITHOUT = "ctest --preset dev --parallel 2 -LE ^kafka$ kafka=none"
WITH = "ctest --preset dev --parallel 2 kafka=127.0.0.1:1"
REMOVED = "cluster down --name test-dev --data"
STARTED = [REMOVED, "cluster up --name test-dev --brokers 1", "cluster servers --name test-dev"]


class RunTestsTest(unittest.TestCase):
    def run_with(self, kafka_tests=4, up=0, ctest=0, bootstrap=0, **environment):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in {"programs/ctest": CTEST, "deploy/kafka/cluster.sh": CLUSTER,
                               "tools/bootstrap.sh": f"#!/bin/bash\nexit {bootstrap}\n"}.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")
                (root / path).chmod(0o755)
            shutil.copy(SCRIPT, root / "tools/test.sh")
            (root / "calls").touch()
            done = subprocess.run(
                [root / "tools/test.sh", "dev"], capture_output=True, text=True, timeout=30,
                env={"PATH": f"{root / 'programs'}:{os.environ['PATH']}", "CALLS": str(root / "calls"), "JOBS": "2",
                     "KAFKA_TESTS": str(kafka_tests), "UP_STATUS": str(up), "CTEST_STATUS": str(ctest), **environment})
            return done.returncode, (root / "calls").read_text(encoding="utf-8").splitlines(), done.stdout + done.stderr

    def test_tests_get_a_fresh_kafka_that_is_removed_after_them(self):
        code, calls, said = self.run_with()
        self.assertEqual((code, calls), (0, [*STARTED, WITH, REMOVED]))
        self.assertNotIn("NOT", said)

    def test_a_failed_test_fails_the_run_and_leaves_the_brokers_files(self):
        code, calls, said = self.run_with(ctest=8)
        self.assertEqual((code, calls), (8, [*STARTED, WITH, "cluster down --name test-dev"]))
        self.assertIn("build/kafka/test-dev", said)

    def test_no_kafka_is_started_if_no_test_wants_one(self):
        code, calls, _ = self.run_with(kafka_tests=0)
        self.assertEqual((code, calls), (0, ["ctest --preset dev --parallel 2 kafka=none"]))

    def test_a_kafka_that_is_given_is_used(self):
        code, calls, _ = self.run_with(TRIBUTARY_TEST_KAFKA="10.0.0.1:9092")
        self.assertEqual((code, calls), (0, ["ctest --preset dev --parallel 2 kafka=10.0.0.1:9092"]))

    def test_without_a_kafka_its_tests_are_left_out_and_that_is_said_before_and_after(self):
        code, calls, said = self.run_with(up=1)
        self.assertEqual((code, calls), (0, [*STARTED[:2], WITHOUT, REMOVED]))
        self.assertEqual((said.count("*** 4 Kafka tests w"), said.count("*** kafka: a reason")), (2, 2), said)

    def test_without_a_kafka_a_failed_test_still_fails_the_run(self):
        self.assertEqual(self.run_with(up=1, ctest=8)[0], 8)

    def test_without_java_its_tests_are_left_out(self):
        self.assertEqual(self.run_with(bootstrap=1)[:2], (0, [WITHOUT]))

    def test_where_a_kafka_is_required_the_run_fails_without_one(self):
        code, calls, said = self.run_with(up=1, TRIBUTARY_REQUIRE_KAFKA="1")
        self.assertEqual((code, calls), (1, [*STARTED[:2], "cluster down --name test-dev"]))
        self.assertIn("*** 4 Kafka tests CANNOT run", said)

    def test_where_a_kafka_is_required_and_had_the_run_passes(self):
        self.assertEqual(self.run_with(TRIBUTARY_REQUIRE_KAFKA="1")[0], 0)


if __name__ == "__main__":
    unittest.main()
