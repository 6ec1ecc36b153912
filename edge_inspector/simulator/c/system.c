/* The library and the system module. */
#include <string.h>

#include "sim.h"

struct sim sim = {.lock = PTHREAD_MUTEX_INITIALIZER};

#define SYSTEM_ID "EdgeInspectorSimulator"
#define INTERFACE_ID "SIM0"

static void prepare_conditions(void) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* a step of the wall clock must not end a wait */
    pthread_cond_init(&sim.changed, &attributes);
    pthread_cond_init(&sim.ended, &attributes);
    pthread_condattr_destroy(&attributes);
}

API GCInitLib(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_conditions);
    pthread_mutex_lock(&sim.lock);
    if (sim.is_initialized)
        return leave(fail(ERR_RESOURCE_IN_USE, "the library is in use in this process"));
    control_open();
    sim.system = (struct module){.kind = KIND_SYSTEM};
    sim.interface = (struct module){.kind = KIND_INTERFACE};
    memset(sim.is_listed, 0, sizeof sim.is_listed);
    sim.is_initialized = true;
    return leave(OK);
}

API GCCloseLib(void) {
    int32_t error = enter();
    if (error)
        return error;
    system_close();
    handles_drop_all();
    control_close();
    sim.is_initialized = false;
    pthread_cond_broadcast(&sim.changed);
    return leave(OK);
}

const char *tl_type_name(void) {
    static const char *const names[] = {"Custom", "GEV", "U3V"};
    uint32_t type = sim.control ? sim.control->tl_type : 0;
    return names[type < 3 ? type : 0];
}

static int32_t system_info(int32_t command, struct answer answer) {
    switch (command) {
    case 0: return answer_text(answer, SYSTEM_ID);
    case 1: return answer_text(answer, "edge_inspector");
    case 2: return answer_text(answer, "Simulator");
    case 3: return answer_text(answer, "1.0");
    case 4: return answer_text(answer, tl_type_name());
    case 5:
    case 6: return answer_text(answer, "simulator.cti");
    case 7: return answer_text(answer, "edge_inspector simulator");
    case 8: return answer_int(answer, 1); /* UTF-8 */
    case 9: return answer_u32(answer, 1);
    case 10: return answer_u32(answer, 6);
    default: return fail(ERR_NOT_IMPLEMENTED, "no such system info");
    }
}

API GCGetInfo(int32_t command, int32_t *type, void *data, size_t *size) {
    return system_info(command, (struct answer){type, data, size});
}

API TLOpen(void **handle) {
    int32_t error = enter();
    if (error)
        return error;
    if (!handle)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the handle"));
    if (sim.system.handle)
        return leave(fail(ERR_RESOURCE_IN_USE, "the system is open"));
    sim.system.handle = handle_new(KIND_SYSTEM, &sim.system);
    if (!sim.system.handle)
        return leave(fail(ERR_RESOURCE_EXHAUSTED, "out of handles"));
    *handle = sim.system.handle;
    return leave(OK);
}

/* Drops a module's events and makes its handle stale. */
void module_close(struct module *module) {
    events_drop(module);
    handle_drop(module->handle);
    module->handle = NULL;
    pthread_cond_broadcast(&sim.changed);
}

void system_close(void) {
    for (unsigned i = 0; i < MAX_CAMERAS; i++)
        device_close(&sim.cameras[i]);
    if (sim.interface.handle)
        module_close(&sim.interface);
    if (sim.system.handle)
        module_close(&sim.system);
}

/* Enters the library for a call on the system; `leave` is due only when this returns OK. */
static int32_t enter_system(void *handle) {
    int32_t error = enter();
    if (!error && !handle_get(handle, KIND_SYSTEM))
        error = leave(fail(ERR_INVALID_HANDLE, "not an open system"));
    return error;
}

API TLClose(void *handle) {
    int32_t error = enter_system(handle);
    if (error)
        return error;
    system_close();
    return leave(OK);
}

API TLGetInfo(void *handle, int32_t command, int32_t *type, void *data, size_t *size) {
    int32_t error = enter_system(handle);
    return error ? error : leave(system_info(command, (struct answer){type, data, size}));
}

API TLUpdateInterfaceList(void *handle, uint8_t *changed, uint64_t timeout_ms) {
    (void)timeout_ms;
    int32_t error = enter_system(handle);
    if (error)
        return error;
    if (changed)
        *changed = 0;
    return leave(OK);
}

API TLGetNumInterfaces(void *handle, uint32_t *count) {
    int32_t error = enter_system(handle);
    if (error)
        return error;
    if (!count)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the number"));
    *count = 1;
    return leave(OK);
}

API TLGetInterfaceID(void *handle, uint32_t index, char *id, size_t *size) {
    int32_t error = enter_system(handle);
    if (error)
        return error;
    if (index != 0)
        return leave(fail(ERR_INVALID_INDEX, "there is one interface"));
    return leave(answer_text((struct answer){NULL, id, size}, INTERFACE_ID));
}

static int32_t interface_info(int32_t command, struct answer answer) {
    switch (command) {
    case 0: return answer_text(answer, INTERFACE_ID);
    case 1: return answer_text(answer, "Simulated interface");
    case 2: return answer_text(answer, tl_type_name());
    default: return fail(ERR_NOT_IMPLEMENTED, "no such interface info");
    }
}

API TLGetInterfaceInfo(void *handle, const char *id, int32_t command, int32_t *type, void *data, size_t *size) {
    int32_t error = enter_system(handle);
    if (error)
        return error;
    if (!id || strcmp(id, INTERFACE_ID) != 0)
        return leave(fail(ERR_INVALID_ID, "no such interface"));
    return leave(interface_info(command, (struct answer){type, data, size}));
}

API TLOpenInterface(void *handle, const char *id, void **interface) {
    int32_t error = enter_system(handle);
    if (error)
        return error;
    if (!interface)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the handle"));
    if (!id || strcmp(id, INTERFACE_ID) != 0)
        return leave(fail(ERR_INVALID_ID, "no such interface"));
    if (sim.interface.handle)
        return leave(fail(ERR_RESOURCE_IN_USE, "the interface is open"));
    sim.interface.handle = handle_new(KIND_INTERFACE, &sim.interface);
    if (!sim.interface.handle)
        return leave(fail(ERR_RESOURCE_EXHAUSTED, "out of handles"));
    *interface = sim.interface.handle;
    return leave(OK);
}

API IFGetInfo(void *handle, int32_t command, int32_t *type, void *data, size_t *size) {
    int32_t error = enter();
    if (error)
        return error;
    if (!handle_get(handle, KIND_INTERFACE))
        return leave(fail(ERR_INVALID_HANDLE, "not an open interface"));
    return leave(interface_info(command, (struct answer){type, data, size}));
}
