// Linked into the thread sanitizer's tests that open RocksDB. The library comes uninstrumented from
// its package, so the sanitizer sees its memory accesses (through memcpy and mutexes) but not the
// atomics that order them, and reports races that are none.
//
// Calls from our own code stay checked.

extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:librocksdb.so\n"
         "race:rocksdb::\n";
}
