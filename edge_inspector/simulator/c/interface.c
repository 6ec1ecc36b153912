/* The interface module: which cameras there are, and opening one. */
#include <stdio.h>
#include <string.h>

#include "sim.h"

/* Enters the library for a call on the interface; `leave` is due only when this returns OK. */
static int32_t enter_interface(void *handle) {
    int32_t error = enter();
    if (!error && !handle_get(handle, KIND_INTERFACE))
        error = leave(fail(ERR_INVALID_HANDLE, "not an open interface"));
    return error;
}

void camera_id(const struct camera *camera, char id[16]) {
    snprintf(id, 16, "SIMCAM%u", camera->index);
}

/* Returns the camera of that name; NULL when there is none, listed or not. */
static struct camera *find_camera(const char *name) {
    for (unsigned i = 0; name && i < sim.control->n_cameras; i++) {
        char id[16];
        camera_id(&sim.cameras[i], id);
        if (strcmp(id, name) == 0)
            return &sim.cameras[i];
    }
    return NULL;
}

API IFClose(void *handle) {
    int32_t error = enter_interface(handle);
    if (error)
        return error;
    for (unsigned i = 0; i < MAX_CAMERAS; i++)
        device_close(&sim.cameras[i]);
    if (sim.interface.handle)
        module_close(&sim.interface);
    return leave(OK);
}

API IFUpdateDeviceList(void *handle, uint8_t *changed, uint64_t timeout_ms) {
    (void)timeout_ms;
    int32_t error = enter_interface(handle);
    if (error)
        return error;
    bool differs = false;
    for (unsigned i = 0; i < MAX_CAMERAS; i++) {
        bool is_there = i < sim.control->n_cameras && camera_reachable(&sim.cameras[i]);
        differs |= is_there != sim.is_listed[i];
        sim.is_listed[i] = is_there;
    }
    if (changed)
        *changed = differs;
    return leave(OK);
}

API IFGetNumDevices(void *handle, uint32_t *count) {
    int32_t error = enter_interface(handle);
    if (error)
        return error;
    if (!count)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the number"));
    *count = 0;
    for (unsigned i = 0; i < MAX_CAMERAS; i++)
        *count += sim.is_listed[i];
    return leave(OK);
}

API IFGetDeviceID(void *handle, uint32_t index, char *id, size_t *size) {
    int32_t error = enter_interface(handle);
    if (error)
        return error;
    for (unsigned i = 0; i < MAX_CAMERAS; i++) {
        if (!sim.is_listed[i] || index-- > 0)
            continue;
        char name[16];
        camera_id(&sim.cameras[i], name);
        return leave(answer_text((struct answer){NULL, id, size}, name));
    }
    return leave(fail(ERR_INVALID_INDEX, "not so many cameras"));
}

API IFGetDeviceInfo(void *handle, const char *id, int32_t command, int32_t *type, void *data, size_t *size) {
    int32_t error = enter_interface(handle);
    if (error)
        return error;
    struct camera *camera = find_camera(id);
    if (!camera)
        return leave(fail(ERR_INVALID_ID, "no such camera"));
    return leave(device_info(camera, command, (struct answer){type, data, size}));
}

/* Gives the opened camera its handle and the registers it has after power-up, when it was away meanwhile. */
static int32_t open_camera(struct camera *camera, void **device) {
    void *handle = handle_new(KIND_DEVICE, &camera->device);
    if (!handle)
        return fail(ERR_RESOURCE_EXHAUSTED, "out of handles");
    int32_t error = access_take(camera);
    if (error) {
        handle_drop(handle);
        return error;
    }
    camera->losses = camera->control->losses;
    if (camera->losses != camera->powered_losses)
        registers_power_up(camera);
    camera->is_open = true;
    camera->device.handle = handle;
    camera->control->is_acquiring = 0; /* its last process may have been killed meanwhile */
    camera->control->opened++;
    *device = handle;
    return OK;
}

API IFOpenDevice(void *handle, const char *id, int32_t flags, void **device) {
    int32_t error = enter_interface(handle);
    if (error)
        return error;
    if (!device || flags < ACCESS_FLAG_READONLY || flags > ACCESS_FLAG_EXCLUSIVE)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the handle, or no such access"));
    struct camera *camera = find_camera(id);
    if (!camera)
        return leave(fail(ERR_INVALID_ID, "no such camera"));
    if (camera->is_open)
        return leave(fail(ERR_RESOURCE_IN_USE, "the camera is open in this process"));
    if (!camera_reachable(camera))
        return leave(fail(ERR_NOT_AVAILABLE, "the camera cannot be reached"));
    return leave(open_camera(camera, device));
}

API IFGetParentTL(void *handle, void **system) {
    int32_t error = enter_interface(handle);
    if (error)
        return error;
    if (!system)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the handle"));
    *system = sim.system.handle;
    return leave(OK);
}
