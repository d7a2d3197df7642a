/* A driver's library for tests: what it answers stands in the environment of the test.
   FAKE_NVML_INIT, _COUNT: what nvmlInit_v2 returns and how many cards there are.
   FAKE_NVML_SILENT: the calls that are not supported, as on a Jetson. */
#include <stdlib.h>
#include <string.h>

#define NOT_SUPPORTED 3

static int number(const char *name, int otherwise) {
  const char *value = getenv(name);
  return value ? atoi(value) : otherwise;
}

static int silent(const char *call) {
  const char *calls = getenv("FAKE_NVML_SILENT");
  return calls && (strstr(calls, call) || strcmp(calls, "all") == 0);
}

#define UNLESS_SILENT(call) if (silent(call)) return NOT_SUPPORTED

struct memory { unsigned long long total, free, used; };
struct utilization { unsigned gpu, memory; };
static int cards[8];

int nvmlInit_v2(void) { return number("FAKE_NVML_INIT", 0); }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) {
  *count = (unsigned)number("FAKE_NVML_COUNT", 1);
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
  UNLESS_SILENT("handle");
  cards[index] = (int)index;
  *handle = &cards[index];
  return 0;
}
int nvmlDeviceGetName(void *handle, char *name, unsigned length) {
  if (length < 32) return 7;
  strcpy(name, *(int *)handle ? "NVIDIA Second" : "NVIDIA GeForce RTX 4070");
  return 0;
}
int nvmlSystemGetDriverVersion(char *version, unsigned length) {
  UNLESS_SILENT("driver");
  if (length < 32) return 7;
  strcpy(version, "580.65.06");
  return 0;
}
int nvmlDeviceGetMemoryInfo(void *handle, struct memory *memory) {
  UNLESS_SILENT("memory");
  memory->total = 12878610432ULL;
  memory->free = *(int *)handle ? 1000000000ULL : 11000000000ULL;
  memory->used = memory->total - memory->free;
  return 0;
}
int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
  (void)handle;
  UNLESS_SILENT("capability");
  *major = 8;
  *minor = 9;
  return 0;
}
int nvmlDeviceGetUtilizationRates(void *handle, struct utilization *use) {
  (void)handle;
  UNLESS_SILENT("load");
  use->gpu = 37;
  use->memory = 12;
  return 0;
}
int nvmlDeviceGetTemperature(void *handle, int sensor, unsigned *degrees) {
  (void)handle;
  UNLESS_SILENT("temperature");
  if (sensor != 0) return 2;
  *degrees = 61;
  return 0;
}
int nvmlDeviceGetPowerUsage(void *handle, unsigned *milliwatts) {
  (void)handle;
  UNLESS_SILENT("power");
  *milliwatts = 84500;
  return 0;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void *handle, unsigned long long *reasons) {
  (void)handle;
  UNLESS_SILENT("reasons");
  *reasons = 0x01 | 0x04 | 0x20 | 0x40;
  return 0;
}
