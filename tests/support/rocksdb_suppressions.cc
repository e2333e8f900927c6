// Linked into the thread sanitizer's tests that open RocksDB. The library comes uninstrumented from
// its package, so the sanitizer sees its memory accesses (through memcpy and mutexes) but not the
// atomics that order them, and reports races that are none.
//
// Between two threads of the library it may even see no more than a nameless frame of it below an
// inline function of ours that it shares (std::string's), so its whole stacks are left out. Our own
// accesses stay checked, but for those inside a callback of the library.

extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:librocksdb.so\n"
         "race:librocksdb.so\n"
         "race:rocksdb::\n";
}
