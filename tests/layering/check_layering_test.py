#!/usr/bin/env python3
"""Plants one violation at a time in a small tree and sees the layering check find just that."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).with_name("check_layering.py")

SOUND_TREE = {
    "libs/base/src/clock.cc": "absl::Time Now() { return absl::Now(); }\n",
    "libs/eventlog/src/kafka/kafka_log.cc": "#include <librdkafka/rdkafka.h>\n#include \"tributary/base/status.h\"\n",
    "libs/eventlog/src/embedded/embedded_log.cc": "#include <rocksdb/db.h>\n",
    "libs/processor/src/task.cc": '#include "tributary/projection/table.h"\n#include "tributary/events/v1/batch.pb.h"\n',
    "libs/processor/CMakeLists.txt": "tributary_library(processor SOURCES src/task.cc DEPS tributary::projection)\n",
    "libs/metrics/src/registry.cc": "#include <prometheus/registry.h>\n",
    "services/profile/src/apply.cc": '#include "tributary/processor/task.h"\n#include "tributary/profile/x.h"\n',
    "services/profile/src/front.cc": '#include "tributary/identity/v1/identity.grpc.pb.h"\n',
    "services/standalone/main.cc": '#include "tributary/profile/service.h"\n#include "tributary/identity/service.h"\n',
    "tests/bench/raw.cc": "#include <rocksdb/db.h>\n// absl::Now() is for measuring\nauto t = absl::Now();\n",
}


class LayeringTest(unittest.TestCase):
    def run_with(self, planted):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in {**SOUND_TREE, **planted}.items():
                file = pathlib.Path(folder) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            done = subprocess.run([sys.executable, CHECK, "--root", folder], capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines()

    def assert_caught(self, path, text, expected):
        code, lines = self.run_with({path: text})
        self.assertEqual(code, 1, lines)
        self.assertEqual(len(lines), 2, lines)  # the violation and the closing line
        self.assertIn(expected, lines[0])
        self.assertTrue(lines[0].startswith(path + ":"), lines)

    def test_a_sound_tree_passes(self):
        code, lines = self.run_with({})
        self.assertEqual((code, lines), (0, [f"layering: {len(SOUND_TREE)} files, 0 violations"]))

    def test_an_empty_tree_is_an_error_not_a_pass(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(subprocess.run([sys.executable, CHECK, "--root", folder], capture_output=True).returncode, 2)

    def test_a_lower_library_may_not_include_a_higher_one(self):
        self.assert_caught("libs/eventlog/src/x.cc", '#include "tributary/processor/task.h"\n',
                           "library eventlog may not use library processor")

    def test_a_lower_library_may_not_link_a_higher_one(self):
        self.assert_caught("libs/base/CMakeLists.txt", "tributary_library(base DEPS tributary::metrics)\n",
                           "library base may not use library metrics")

    def test_rpc_stands_apart_from_the_log(self):
        self.assert_caught("libs/rpc/src/x.cc", '#include "tributary/eventlog/event_log.h"\n',
                           "library rpc may not use library eventlog")

    def test_a_library_may_not_include_a_service(self):
        self.assert_caught("libs/processor/src/x.cc", '#include "tributary/profile/apply.h"\n',
                           "library processor uses service profile")

    def test_a_library_may_not_include_a_services_contract(self):
        self.assert_caught("libs/rpc/src/x.cc", '#include "tributary/profile/v1/profile.grpc.pb.h"\n',
                           "library rpc uses service profile")

    def test_a_service_may_not_include_another(self):
        self.assert_caught("services/profile/src/x.cc", '#include "tributary/identity/graph.h"\n',
                           "service profile uses service identity")

    def test_a_service_may_not_include_another_by_its_folder(self):
        self.assert_caught("services/profile/src/x.cc", '#include "services/identity/src/graph.h"\n',
                           "service profile uses service identity")

    def test_a_service_may_not_climb_out_of_its_folder(self):
        self.assert_caught("services/profile/src/x.cc", '#include "../../identity/src/graph.h"\n',
                           "include by the path from an include folder")

    def test_a_service_may_not_link_another(self):
        self.assert_caught("services/profile/CMakeLists.txt", "  DEPS tributary_identity_core\n",
                           "service profile uses service identity")

    def test_librdkafka_stays_in_the_event_log(self):
        self.assert_caught("services/ingestion/src/x.cc", "#include <librdkafka/rdkafkacpp.h>\n", "librdkafka")

    def test_rocksdb_stays_in_the_projection_and_the_embedded_log(self):
        self.assert_caught("libs/eventlog/src/kafka/x.cc", "#include <rocksdb/db.h>\n", "RocksDB")

    def test_prometheus_stays_in_metrics(self):
        self.assert_caught("libs/rpc/src/x.cc", "#include <prometheus/counter.h>\n", "prometheus-cpp")

    def test_spdlog_stays_in_base(self):
        self.assert_caught("tools/tributary/main.cc", '#include "spdlog/spdlog.h"\n', "spdlog")

    def test_only_the_clock_reads_the_wall_clock(self):
        self.assert_caught("libs/base/src/other.cc", "auto t = absl::Now();\n", "the wall clock")
        self.assert_caught("services/profile/src/x.cc", "auto t = std::chrono::system_clock::now();\n", "the wall clock")

    def test_a_comment_may_speak_of_the_wall_clock(self):
        code, lines = self.run_with({"libs/base/src/x.cc": "/* absl::Now()\n */ int x;  // absl::Now()\n"})
        self.assertEqual(code, 0, lines)

    def test_a_new_library_must_be_given_its_place(self):
        self.assert_caught("libs/odds/src/x.cc", "int x;\n", "libs/odds is not in rules.json")


if __name__ == "__main__":
    unittest.main()
