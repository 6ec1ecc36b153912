/* A stand-in for libnvidia-ml.so.1: what it answers stands in the file that FAKE_NVML names, read at every call.

   `key=number` lines. A function's own name is what becomes of a call to it: an NVML error, or -1: hang, -2: crash.
   Structures and numbers are those of nvml.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define BEGIN do { int said = called(__func__); if (said) return said; } while (0)

typedef struct device *device_t;
struct memory { unsigned long long total, free, used; };
struct utilization { unsigned int gpu, memory; };
struct temperature { unsigned int version, sensor; int celsius; };

static long long value(const char *key, long long otherwise)
{
    char row[256];
    size_t length = strlen(key);
    FILE *file = fopen(getenv("FAKE_NVML") ? getenv("FAKE_NVML") : "", "r");
    while (file && fgets(row, sizeof row, file))
        if (!strncmp(row, key, length) && row[length] == '=') {
            otherwise = atoll(row + length + 1);
            break;
        }
    if (file)
        fclose(file);
    return otherwise;
}

static int called(const char *function)
{
    long long said = value(function, 0);
    if (said == -1)
        for (;;)
            pause();
    if (said == -2)
        abort();
    return (int)said;
}

EXPORT int nvmlInitWithFlags(unsigned int flags) { (void)flags; BEGIN; return 0; }
EXPORT int nvmlShutdown(void) { BEGIN; return 0; }
EXPORT const char *nvmlErrorString(int code) { (void)code; return "an error of the fake"; }

EXPORT int nvmlSystemGetDriverVersion(char *text, unsigned int length)
{
    BEGIN;
    snprintf(text, length, "%lld.65.06", value("driver", 580));
    return 0;
}

EXPORT int nvmlSystemGetCudaDriverVersion_v2(int *version) { BEGIN; *version = (int)value("cuda", 13000); return 0; }
EXPORT int nvmlDeviceGetCount_v2(unsigned int *count) { BEGIN; *count = (unsigned int)value("count", 2); return 0; }

/* A handle is the GPU's number and one: 0 would be none. */
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned int index, device_t *device)
{
    BEGIN;
    if (index >= value("count", 2))
        return 2;
    *device = (device_t)(size_t)(index + 1);
    return 0;
}

EXPORT int nvmlDeviceGetHandleByUUID(const char *uuid, device_t *device)
{
    BEGIN;
    if (strncmp(uuid, "GPU-fake-", 9))
        return 6;
    return nvmlDeviceGetHandleByIndex_v2((unsigned int)atoi(uuid + 9), device);
}

EXPORT int nvmlDeviceGetName(device_t device, char *text, unsigned int length)
{
    BEGIN;
    snprintf(text, length, "Fake RTX %zu", (size_t)device - 1);
    return 0;
}

EXPORT int nvmlDeviceGetUUID(device_t device, char *text, unsigned int length)
{
    BEGIN;
    snprintf(text, length, "GPU-fake-%zu", (size_t)device - 1);
    return 0;
}

EXPORT int nvmlDeviceGetUtilizationRates(device_t device, struct utilization *rates)
{
    (void)device;
    BEGIN;
    rates->gpu = (unsigned int)value("utilization", 25);
    rates->memory = 3;
    return 0;
}

EXPORT int nvmlDeviceGetMemoryInfo(device_t device, struct memory *memory)
{
    (void)device;
    BEGIN;
    memory->total = (unsigned long long)value("total", 6000000000);
    memory->used = (unsigned long long)value("used", 1500000000);
    memory->free = memory->total - memory->used;
    return 0;
}

EXPORT int nvmlDeviceGetTemperatureV(device_t device, struct temperature *temperature)
{
    (void)device;
    BEGIN;
    if (temperature->version != (sizeof *temperature | 1 << 24) || temperature->sensor != 0)
        return 25;
    temperature->celsius = (int)value("celsius", 54);
    return 0;
}

EXPORT int nvmlDeviceGetTemperature(device_t device, unsigned int sensor, unsigned int *celsius)
{
    (void)device;
    (void)sensor;
    BEGIN;
    *celsius = (unsigned int)value("celsius", 54);
    return 0;
}

EXPORT int nvmlDeviceGetCurrentClocksEventReasons(device_t device, unsigned long long *bits)
{
    (void)device;
    BEGIN;
    *bits = (unsigned long long)value("reasons", 1);
    return 0;
}

EXPORT int nvmlDeviceGetPersistenceMode(device_t device, unsigned int *mode)
{
    (void)device;
    BEGIN;
    *mode = (unsigned int)value("persistence", 1);
    return 0;
}

EXPORT int nvmlDeviceGetTotalEccErrors(device_t device, unsigned int type, unsigned int counter, unsigned long long *count)
{
    (void)device;
    BEGIN;
    if (type != 1 || counter != 0)
        return 2;
    *count = (unsigned long long)value("ecc", 0);
    return 0;
}
