// Linked into the address sanitizer's tests that meet a real broker. A consumer that is destroyed
// while its group changes may leave the operation that was to tell of it behind, once in many runs;
// all its frames are librdkafka's. What we forget to free of our own is still told.

extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:librdkafka.so\n"; }
