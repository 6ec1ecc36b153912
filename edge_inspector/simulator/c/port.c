/* Ports: reading and writing registers, and the descriptions. What a control channel can do wrong happens here. */
#include <stdio.h>
#include <string.h>

#include "sim.h"

#define XML_ADDRESS 0x1000000ull
#define HANG_POLL_NS 5000000ll /* a hung call looks so often whether it was let go */

struct port {
    const char *name, *module, *file, *url; /* url: NULL where the description is local */
    const unsigned char *xml;
    size_t xml_bytes;
};

#define PORT(NAME, MODULE, FILE, XML) (struct port){NAME, MODULE, FILE, NULL, XML, sizeof XML}

static struct port whole(const struct module *module) {
    switch (module->kind) {
    case KIND_SYSTEM: return PORT("TLPort", "TLSystem", "system.xml", xml_system);
    case KIND_INTERFACE: return PORT("InterfacePort", "TLInterface", "interface.xml", xml_interface);
    case KIND_DEVICE: return PORT("DevicePort", "TLDevice", "device.xml", xml_device);
    case KIND_STREAM: return PORT("StreamPort", "TLDataStream", "stream.xml", xml_stream);
    default: break;
    }
    return sim.control->old_names ? PORT("Device", "Device", "camera_old.xml", xml_camera_old)
                                  : PORT("Device", "Device", "camera.xml", xml_camera);
}

static const unsigned char text[] = "This is no description.", other[] = "<?xml version=\"1.0\"?><html></html>";

static void break_xml(struct port *port, int32_t way) {
    switch (way) {
    case XML_TEXT: port->xml = text, port->xml_bytes = sizeof text - 1; break;
    case XML_OTHER: port->xml = other, port->xml_bytes = sizeof other - 1; break;
    case XML_EMPTY: port->xml_bytes = 0; break;
    case XML_ELSEWHERE: port->url = "http://maker.invalid/camera.xml"; break;
    case XML_UNRESOLVED: port->xml = xml_unresolved, port->xml_bytes = sizeof xml_unresolved; break;
    default: port->xml_bytes /= 2; break;
    }
}

static struct port describe(const struct module *module) {
    const struct camera *camera = module->camera ? module->camera : &sim.cameras[0];
    enum fault fault = module->kind == KIND_REMOTE ? FAULT_BROKEN_XML : FAULT_BROKEN_MODULES;
    struct port port = whole(module);
    if (fault_holds(camera, fault))
        break_xml(&port, fault_value(camera, fault, XML_CUT_OFF));
    return port;
}

static bool has_xml(const struct module *module) {
    return module->kind != KIND_REMOTE || !fault_holds(module->camera, FAULT_NO_XML);
}

/* Waits as a slow or hung control channel makes it wait; gives the lock back meanwhile, so that frames go on. */
static void suffer(void *handle, struct camera *camera) {
    int64_t delay_ms = fault_applies(camera, FAULT_SLOW_CONTROL) ? fault_value(camera, FAULT_SLOW_CONTROL, 50) : 0;
    int64_t until_ns = now_ns() + delay_ms * 1000000;
    while (now_ns() < until_ns || (sim.is_initialized && fault_holds(camera, FAULT_HUNG_CONTROL))) {
        int64_t now = now_ns();
        int64_t poll_ns = now + HANG_POLL_NS;
        pthread_mutex_unlock(&sim.lock);
        sleep_until(until_ns > now && until_ns < poll_ns ? until_ns : poll_ns);
        pthread_mutex_lock(&sim.lock);
        if (!sim.is_initialized || !handle_module(handle))
            return;
    }
}

/* Enters the library for a call on a port whose data may not come; `leave` is due only when this returns OK. */
static int32_t enter_port(void *handle, const void *data, const size_t *size, struct module **module) {
    int32_t error = enter();
    if (error)
        return error;
    *module = handle_module(handle);
    if (!*module)
        return leave(fail(ERR_INVALID_HANDLE, "not an open port"));
    if (!data || !size)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the data"));
    if ((*module)->kind != KIND_REMOTE)
        return OK;
    struct camera *camera = (*module)->camera;
    suffer(handle, camera);
    if (!sim.is_initialized || !handle_module(handle))
        return leave(fail(ERR_INVALID_HANDLE, "the port was closed meanwhile"));
    if (!camera_alive(camera))
        return leave(fail(ERR_IO, "the camera does not answer"));
    if (fault_applies(camera, FAULT_PORT_ERROR))
        return leave(fail(fault_value(camera, FAULT_PORT_ERROR, ERR_IO), "the camera refused the access"));
    return OK;
}

/* Past its end a description reads as zeros: readers ask for multiples of four bytes. */
static int32_t read_xml(const struct port *port, uint64_t offset, void *data, size_t size) {
    memset(data, 0, size);
    if (offset < port->xml_bytes) {
        size_t left = port->xml_bytes - offset;
        memcpy(data, port->xml + offset, size < left ? size : left);
    }
    return OK;
}

static int32_t read_port(struct module *module, uint64_t address, void *data, size_t size) {
    struct port port = describe(module);
    if (address >= XML_ADDRESS && address - XML_ADDRESS < port.xml_bytes + 64)
        return read_xml(&port, address - XML_ADDRESS, data, size);
    if (module->kind == KIND_REMOTE)
        return register_read(module->camera, address, data, size);
    if (address > 64 || size > 64 - address)
        return fail(ERR_INVALID_ADDRESS, "the module has no such register");
    char name[64] = {0};
    snprintf(name, sizeof name, "%s", port.module);
    memcpy(data, name + address, size);
    return OK;
}

API GCReadPort(void *handle, uint64_t address, void *data, size_t *size) {
    struct module *module;
    int32_t error = enter_port(handle, data, size, &module);
    return error ? error : leave(read_port(module, address, data, *size));
}

API GCWritePort(void *handle, uint64_t address, const void *data, size_t *size) {
    struct module *module;
    int32_t error = enter_port(handle, data, size, &module);
    if (error)
        return error;
    if (module->kind != KIND_REMOTE)
        return leave(fail(ERR_ACCESS_DENIED, "the module's registers can only be read"));
    return leave(register_write(module->camera, address, data, *size));
}

API GCReadPortStacked(void *handle, struct port_entry *entries, size_t *count) {
    struct module *module;
    int32_t error = enter_port(handle, entries, count, &module);
    size_t done = 0;
    if (error)
        return error;
    for (; done < *count && !error; done++)
        error = entries[done].data ? read_port(module, entries[done].address, entries[done].data, entries[done].size)
                                   : fail(ERR_INVALID_PARAMETER, "no place for the data");
    *count = error ? done - 1 : done;
    return leave(error);
}

API GCWritePortStacked(void *handle, struct port_entry *entries, size_t *count) {
    struct module *module;
    int32_t error = enter_port(handle, entries, count, &module);
    size_t done = 0;
    if (error)
        return error;
    if (module->kind != KIND_REMOTE)
        error = fail(ERR_ACCESS_DENIED, "the module's registers can only be read");
    for (; done < *count && !error; done++)
        error = entries[done].data
                    ? register_write(module->camera, entries[done].address, entries[done].data, entries[done].size)
                    : fail(ERR_INVALID_PARAMETER, "no data to write");
    *count = error && done > 0 ? done - 1 : done;
    return leave(error);
}

/* Enters the library for a call that needs no control channel. */
static int32_t enter_module(void *handle, struct port *port, struct module **module) {
    int32_t error = enter();
    if (error)
        return error;
    *module = handle_module(handle);
    if (!*module)
        return leave(fail(ERR_INVALID_HANDLE, "not an open port"));
    *port = describe(*module);
    return OK;
}

static void make_url(const struct port *port, char url[128]) {
    if (port->url)
        snprintf(url, 128, "%s", port->url);
    else
        snprintf(url, 128, "Local:%s;%llx;%zx?SchemaVersion=1.1.0", port->file, XML_ADDRESS, port->xml_bytes);
}

API GCGetPortURL(void *handle, char *url, size_t *size) {
    struct port port;
    struct module *module;
    char text[128];
    int32_t error = enter_module(handle, &port, &module);
    if (error)
        return error;
    make_url(&port, text);
    return leave(answer_text((struct answer){NULL, url, size}, text));
}

API GCGetNumPortURLs(void *handle, uint32_t *count) {
    struct port port;
    struct module *module;
    int32_t error = enter_module(handle, &port, &module);
    if (error)
        return error;
    if (!count)
        return leave(fail(ERR_INVALID_PARAMETER, "no place for the number"));
    if (!has_xml(module))
        return leave(fail(ERR_NOT_AVAILABLE, "the camera has no description"));
    *count = 1;
    return leave(OK);
}

static int32_t url_info(const struct port *port, int32_t command, struct answer answer) {
    char text[128];
    switch (command) {
    case 0: make_url(port, text); return answer_text(answer, text);
    case 1:
    case 2:
    case 3: return answer_int(answer, 1); /* schema 1.1, file 1.0.0 */
    case 4:
    case 5: return answer_int(answer, 0);
    case 7: return answer_u64(answer, XML_ADDRESS);
    case 8: return answer_u64(answer, port->xml_bytes);
    case 9: return answer_int(answer, port->url ? 2 : 0); /* local, else HTTP */
    case 10: return answer_text(answer, port->file);
    default: return fail(ERR_NOT_AVAILABLE, "no such URL info");
    }
}

API GCGetPortURLInfo(void *handle, uint32_t index, int32_t command, int32_t *type, void *data, size_t *size) {
    struct port port;
    struct module *module;
    int32_t error = enter_module(handle, &port, &module);
    if (error)
        return error;
    if (index != 0)
        return leave(fail(ERR_INVALID_INDEX, "a port has one URL"));
    return leave(url_info(&port, command, (struct answer){type, data, size}));
}

static int32_t port_info(const struct port *port, const struct module *module, int32_t command, struct answer answer) {
    bool is_gone = module->kind == KIND_REMOTE && !camera_alive(module->camera);
    switch (command) {
    case 0:
    case 12: return answer_text(answer, port->name);
    case 1: return answer_text(answer, "edge_inspector");
    case 2: return answer_text(answer, "SimulatedCamera");
    case 3: return answer_text(answer, tl_type_name());
    case 4: return answer_text(answer, port->module);
    case 5: return answer_bool(answer, true);
    case 6: return answer_bool(answer, false);
    case 7: return answer_bool(answer, !is_gone);
    case 8: return answer_bool(answer, module->kind == KIND_REMOTE && !is_gone);
    case 9: return answer_bool(answer, is_gone);
    case 10: return answer_bool(answer, false);
    case 11: return answer_text(answer, "1.0");
    default: return fail(ERR_NOT_IMPLEMENTED, "no such port info");
    }
}

API GCGetPortInfo(void *handle, int32_t command, int32_t *type, void *data, size_t *size) {
    struct port port;
    struct module *module;
    int32_t error = enter_module(handle, &port, &module);
    return error ? error : leave(port_info(&port, module, command, (struct answer){type, data, size}));
}
