/* The device module: one opened camera. */
#include <stdio.h>

#include "sim.h"

#define STREAM_ID "SIMSTREAM0"

/* Enters the library for a call on a device; `leave` is due only when the camera is not NULL. */
static int32_t enter_device(void *handle, struct camera **camera) {
    int32_t error = enter();
    if (error)
        return error;
    struct module *module = handle_get(handle, KIND_DEVICE);
    if (!module)
        return leave(fail(ERR_INVALID_HANDLE, "not an open device"));
    *camera = module->camera;
    return OK;
}

int32_t device_info(struct camera *camera, int32_t command, struct answer answer) {
    char text[64];
    switch (command) {
    case 0: camera_id(camera, text); return answer_text(answer, text);
    case 1: return answer_text(answer, "edge_inspector");
    case 2: return answer_text(answer, "SimulatedCamera");
    case 3: return answer_text(answer, tl_type_name());
    case 4:
        snprintf(text, sizeof text, "SimulatedCamera (%.31s)", camera->control->serial);
        return answer_text(answer, text);
    case 5: return answer_int(answer, access_status(camera));
    case 6:
        snprintf(text, sizeof text, "%.31s", (const char *)camera->registers + REG_DeviceUserID);
        return answer_text(answer, text);
    case 7:
        snprintf(text, sizeof text, "%.31s", camera->control->serial);
        return answer_text(answer, text);
    case 8: return answer_text(answer, "1.0");
    case 9: return answer_u64(answer, 1000000000); /* the camera's clock counts nanoseconds */
    default: return fail(ERR_NOT_IMPLEMENTED, "no such device info");
    }
}

/* Closes whatever is open of a camera; gives the lock back while threads end. Who comes second waits for the first. */
void device_close(struct camera *camera) {
    while (camera->is_closing)
        wait_changed(INT64_MAX);
    if (!camera->is_open)
        return;
    camera->is_closing = true;
    acquisition_stop(camera);
    stream_close(&camera->stream);
    set_u32(camera, REG_TLParamsLocked, 0);
    if (camera->remote.handle)
        module_close(&camera->remote);
    module_close(&camera->device);
    access_release(camera);
    camera->is_open = camera->is_closing = false;
    pthread_cond_broadcast(&sim.changed);
}

API DevClose(void *handle) {
    struct camera *camera;
    int32_t error = enter_device(handle, &camera);
    if (error)
        return error;
    device_close(camera);
    return leave(OK);
}

API DevGetInfo(void *handle, int32_t command, int32_t *type, void *data, size_t *size) {
    struct camera *camera;
    int32_t error = enter_device(handle, &camera);
    return error ? error : leave(device_info(camera, command, (struct answer){type, data, size}));
}

API DevGetPort(void *handle, void **port) {
    struct camera *camera;
    int32_t error = enter_device(handle, &camera);
    if (error)
        return error;
    if (!port)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the handle"));
    if (!camera->remote.handle)
        camera->remote.handle = handle_new(KIND_REMOTE, &camera->remote);
    if (!camera->remote.handle)
        return leave(fail(ERR_RESOURCE_EXHAUSTED, "out of handles"));
    *port = camera->remote.handle;
    return leave(OK);
}

API DevGetNumDataStreams(void *handle, uint32_t *count) {
    struct camera *camera;
    int32_t error = enter_device(handle, &camera);
    if (error)
        return error;
    if (!count)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the number"));
    *count = 1;
    return leave(OK);
}

API DevGetDataStreamID(void *handle, uint32_t index, char *id, size_t *size) {
    struct camera *camera;
    int32_t error = enter_device(handle, &camera);
    if (error)
        return error;
    if (index != 0)
        return leave(fail(ERR_INVALID_INDEX, "a camera has one stream"));
    return leave(answer_text((struct answer){NULL, id, size}, STREAM_ID));
}

API DevOpenDataStream(void *handle, const char *id, void **stream) {
    struct camera *camera;
    int32_t error = enter_device(handle, &camera);
    if (error)
        return error;
    if (!stream || !id)
        return leave(fail(ERR_INVALID_PARAMETER, "no id, or no place for the handle"));
    if (camera->stream.module.handle)
        return leave(fail(ERR_RESOURCE_IN_USE, "the stream is open"));
    camera->stream.module.handle = handle_new(KIND_STREAM, &camera->stream.module);
    if (!camera->stream.module.handle)
        return leave(fail(ERR_RESOURCE_EXHAUSTED, "out of handles"));
    *stream = camera->stream.module.handle;
    return leave(OK);
}

API DevGetParentIF(void *handle, void **interface) {
    struct camera *camera;
    int32_t error = enter_device(handle, &camera);
    if (error)
        return error;
    if (!interface)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the handle"));
    *interface = sim.interface.handle;
    return leave(OK);
}
