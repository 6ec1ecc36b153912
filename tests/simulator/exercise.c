/* A consumer in C for valgrind and the sanitizers: everything once, faults, two threads, an abrupt end. Exits with 0. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "gentl.h"

#include "generated.h"

extern int32_t GCInitLib(void), GCCloseLib(void), TLOpen(void **), TLClose(void *);
extern int32_t TLOpenInterface(void *, const char *, void **), IFUpdateDeviceList(void *, uint8_t *, uint64_t);
extern int32_t IFOpenDevice(void *, const char *, int32_t, void **), DevClose(void *), DevGetPort(void *, void **);
extern int32_t DevOpenDataStream(void *, const char *, void **), DSClose(void *);
extern int32_t DSAllocAndAnnounceBuffer(void *, size_t, void *, void **), DSAnnounceBuffer(void *, void *, size_t, void *, void **);
extern int32_t DSQueueBuffer(void *, void *), DSStartAcquisition(void *, int32_t, uint64_t), DSStopAcquisition(void *, int32_t);
extern int32_t DSFlushQueue(void *, int32_t), DSRevokeBuffer(void *, void *, void **, void **);
extern int32_t DSGetBufferInfo(void *, void *, int32_t, int32_t *, void *, size_t *);
extern int32_t DSGetBufferChunkData(void *, void *, struct chunk_entry *, size_t *);
extern int32_t GCRegisterEvent(void *, int32_t, void **), EventGetData(void *, void *, size_t *, uint64_t), EventKill(void *);
extern int32_t GCWritePort(void *, uint64_t, const void *, size_t *), GCReadPort(void *, uint64_t, void *, size_t *);
extern int32_t GCGetPortURL(void *, char *, size_t *);

#define CHECK(CALL)                                                    \
    do {                                                               \
        int32_t error_ = (CALL);                                       \
        if (error_ != 0) {                                             \
            fprintf(stderr, "line %d: %s = %d\n", __LINE__, #CALL, error_); \
            exit(1);                                                   \
        }                                                              \
    } while (0)

#define N_BUFFERS 4
#define XML_ADDRESS 0x1000000

struct camera {
    void *device, *port, *stream, *event, *buffers[N_BUFFERS];
    unsigned char *memory;
};

static void write_u32(struct camera *camera, uint64_t address, uint32_t value) {
    size_t size = sizeof value;
    CHECK(GCWritePort(camera->port, address, &value, &size));
}

static void write_f64(struct camera *camera, uint64_t address, double value) {
    size_t size = sizeof value;
    CHECK(GCWritePort(camera->port, address, &value, &size));
}

static void open_camera(void *interface, const char *id, struct camera *camera) {
    uint32_t payload = 0;
    size_t size = sizeof payload;
    char xml[4096];
    size_t xml_size = sizeof xml;
    CHECK(IFOpenDevice(interface, id, 4, &camera->device));
    CHECK(DevGetPort(camera->device, &camera->port));
    CHECK(GCReadPort(camera->port, XML_ADDRESS, xml, &xml_size));
    CHECK(DevOpenDataStream(camera->device, "SIMSTREAM0", &camera->stream));
    CHECK(GCRegisterEvent(camera->stream, 1, &camera->event));
    write_u32(camera, REG_ChunkModeActive, 1);
    for (unsigned i = 0; i < 6; i++)
        write_u32(camera, REG_ChunkEnable + 4 * i, 1);
    write_f64(camera, REG_AcquisitionFrameRate, 1000);
    CHECK(GCReadPort(camera->port, REG_PayloadSize, &payload, &size));
    camera->memory = malloc(payload); /* exactly: a byte too far is seen */
    CHECK(DSAnnounceBuffer(camera->stream, camera->memory, payload, NULL, &camera->buffers[0]));
    for (unsigned i = 1; i < N_BUFFERS; i++)
        CHECK(DSAllocAndAnnounceBuffer(camera->stream, payload, NULL, &camera->buffers[i]));
    for (unsigned i = 0; i < N_BUFFERS; i++)
        CHECK(DSQueueBuffer(camera->stream, camera->buffers[i]));
}

/* Takes a buffer and reads all that it says; false when none came. */
static int take(struct camera *camera, uint64_t timeout_ms) {
    struct new_buffer_data data;
    struct chunk_entry chunks[8];
    size_t size = sizeof data, n_chunks = 8;
    if (EventGetData(camera->event, &data, &size, timeout_ms) != 0)
        return 0;
    for (int32_t command = 0; command < 32; command++) {
        int32_t type;
        char answer[64];
        size_t answer_size = sizeof answer;
        DSGetBufferInfo(camera->stream, data.buffer, command, &type, answer, &answer_size);
    }
    CHECK(DSGetBufferChunkData(camera->stream, data.buffer, chunks, &n_chunks));
    CHECK(DSQueueBuffer(camera->stream, data.buffer));
    return 1;
}

static void start(struct camera *camera) {
    CHECK(DSStartAcquisition(camera->stream, 0, UINT64_MAX));
    write_u32(camera, REG_AcquisitionStart, 1);
}

static void stop(struct camera *camera) {
    write_u32(camera, REG_AcquisitionStop, 1);
    CHECK(DSStopAcquisition(camera->stream, 1));
}

/* Every pixel format, so that every way of drawing is run. */
static void all_formats(struct camera *camera) {
    const uint32_t formats[] = {PIXEL_Mono8, PIXEL_Mono10, PIXEL_Mono16, PIXEL_Mono10p, PIXEL_Mono12p};
    for (unsigned i = 0; i < sizeof formats / sizeof *formats; i++) {
        write_u32(camera, REG_PixelFormat, formats[i]); /* larger than the buffers for some */
        start(camera);
        for (unsigned n = 0; n < 3; n++)
            take(camera, 2000);
        stop(camera);
    }
    write_u32(camera, REG_PixelFormat, PIXEL_Mono8);
    CHECK(DSFlushQueue(camera->stream, 2));
}

static void *wait_for_ever(void *event) {
    char data[16];
    size_t size = sizeof data;
    EventGetData(event, data, &size, UINT64_MAX);
    return NULL;
}

static void *take_many(void *argument) {
    for (unsigned n = 0; n < 30; n++)
        take(argument, 2000);
    return NULL;
}

int main(void) {
    void *system, *interface;
    struct camera cameras[2] = {{0}};
    pthread_t threads[2];
    uint8_t changed;
    for (unsigned round = 0; round < 2; round++) {
        CHECK(GCInitLib());
        CHECK(TLOpen(&system));
        CHECK(TLOpenInterface(system, "SIM0", &interface));
        CHECK(IFUpdateDeviceList(interface, &changed, 100));
        open_camera(interface, "SIMCAM0", &cameras[0]);
        open_camera(interface, "SIMCAM1", &cameras[1]);
        all_formats(&cameras[0]);
        for (unsigned i = 0; i < 2; i++)
            start(&cameras[i]);
        for (unsigned i = 0; i < 2; i++) /* with every fault of a frame now and then: the control file says so */
            pthread_create(&threads[i], NULL, take_many, &cameras[i]);
        for (unsigned i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        stop(&cameras[0]);
        CHECK(DSFlushQueue(cameras[0].stream, 4));
        CHECK(DSRevokeBuffer(cameras[0].stream, cameras[0].buffers[1], NULL, NULL));
        CHECK(DSClose(cameras[0].stream));
        CHECK(DevClose(cameras[0].device));
        DSFlushQueue(cameras[1].stream, 1);
        pthread_create(&threads[0], NULL, wait_for_ever, cameras[1].event);
        CHECK(GCCloseLib()); /* while the other camera runs and somebody waits for it */
        pthread_join(threads[0], NULL);
        for (unsigned i = 0; i < 2; i++)
            free(cameras[i].memory);
    }
    puts("done");
    return 0;
}
