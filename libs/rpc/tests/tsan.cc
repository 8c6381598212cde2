// ThreadSanitizer cannot see how gRPC hands a call from one thread to the next, for Debian's gRPC is not built with
// it: all that a call carries looks like a race, in gRPC's own headers too. So what passes through gRPC is left out;
// what our side does by itself (replies from many threads) has tests that run without gRPC.
extern "C" const char* __tsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)

extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "race:grpc::\nrace:libgrpc\n";
}
