/* The camera's registers: plain memory, but for those that are computed when read or do something when written. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

#define WIDTH_MAX 16384
#define HEIGHT_MAX 16384
#define EXPOSURE_STEP_US 0.3 /* cameras count exposure in their own clock: 500 becomes 499.8 */
#define RESET_NS 500000000ll /* a restarting camera is away for a while */

uint32_t reg_u32(const struct camera *camera, unsigned address) {
    uint32_t value;
    memcpy(&value, camera->registers + address, sizeof value);
    return value;
}

double reg_f64(const struct camera *camera, unsigned address) {
    double value;
    memcpy(&value, camera->registers + address, sizeof value);
    return value;
}

void set_u32(struct camera *camera, unsigned address, uint32_t value) {
    memcpy(camera->registers + address, &value, sizeof value);
}

void set_u64(struct camera *camera, unsigned address, uint64_t value) {
    memcpy(camera->registers + address, &value, sizeof value);
}

void set_f64(struct camera *camera, unsigned address, double value) {
    memcpy(camera->registers + address, &value, sizeof value);
}

static void set_text(struct camera *camera, unsigned address, const char *text) {
    snprintf((char *)camera->registers + address, 32, "%.31s", text);
}

static double as_kept(double exposure_us) {
    return floor(exposure_us / EXPOSURE_STEP_US + 1e-9) * EXPOSURE_STEP_US;
}

static void set_identity(struct camera *camera) {
    set_text(camera, REG_DeviceVendorName, "edge_inspector");
    set_text(camera, REG_DeviceModelName, "SimulatedCamera");
    set_text(camera, REG_DeviceVersion, "1.0");
    set_text(camera, REG_DeviceFirmwareVersion, "1.0.0");
    set_text(camera, REG_DeviceSerialNumber, camera->control->serial);
    set_text(camera, REG_DeviceUserID, camera->control->user_id);
}

/* The registers as they are after power-up or UserSetLoad. */
void registers_power_up(struct camera *camera) {
    const struct camera_control *control = camera->control;
    memset(camera->registers, 0, sizeof camera->registers);
    camera->powered_losses = control->losses;
    set_identity(camera);
    set_u32(camera, REG_DeviceScanType, control->line_scan);
    set_u32(camera, REG_WidthMax, WIDTH_MAX);
    set_u32(camera, REG_HeightMax, HEIGHT_MAX);
    set_u32(camera, REG_Width, control->width);
    set_u32(camera, REG_Height, control->height);
    set_u32(camera, REG_PixelFormat, control->pixel_format);
    set_u32(camera, REG_AcquisitionFrameCount, 1);
    set_u32(camera, REG_AcquisitionBurstFrameCount, 1);
    set_u32(camera, REG_AcquisitionFrameRateEnable, 1);
    set_f64(camera, REG_AcquisitionFrameRate, control->frame_rate_hz);
    set_f64(camera, REG_AcquisitionLineRate, control->line_rate_hz);
    set_u32(camera, REG_ExposureMode, 1);
    set_f64(camera, REG_ExposureTime, as_kept(control->exposure_us));
    set_u32(camera, REG_EncoderDivider, 1);
    set_u32(camera, REG_EncoderOutputMode, OUTPUT_POSITION_UP);
    set_u32(camera, REG_EncoderSourceA, 1);
    set_u32(camera, REG_EncoderSourceB, 2);
    set_u32(camera, REG_CounterEventSource, 1);     /* Counter0 counts the part sensor */
    set_u32(camera, REG_CounterEventSource + 4, 3); /* Counter1 counts over-triggers */
}

static uint64_t counter_events(const struct camera *camera, unsigned counter) {
    switch (reg_u32(camera, REG_CounterEventSource + 4 * counter)) {
    case 1: return trigger_number(camera, conveyor_edges(camera->conveyor, now_ns()));
    case 2: return camera->frame_starts - camera->counter_base[counter];
    case 3: return camera->control->over_triggers - camera->counter_base[counter];
    default: return 0;
    }
}

static void counter_reset(struct camera *camera, unsigned counter) {
    uint32_t source = reg_u32(camera, REG_CounterEventSource + 4 * counter);
    if (source == 1) /* outlives this process, like everything that a powered camera counts */
        camera->control->edges_at_reset = conveyor_edges(camera->conveyor, now_ns());
    else
        camera->counter_base[counter] = source == 2 ? camera->frame_starts : camera->control->over_triggers;
}

/* Brings registers that change by themselves up to date. */
static void refresh(struct camera *camera) {
    uint32_t linger_ms = camera->control->linger_ms;
    set_f64(camera, REG_DeviceTemperature, camera->control->temperature_mc / 1000.0);
    set_f64(camera, REG_DeviceLinkHeartbeatTimeout, linger_ms * 1000.0);
    set_u32(camera, REG_GevHeartbeatTimeout, linger_ms);
    set_u32(camera, REG_PayloadSize, (uint32_t)payload_bytes(camera));
    set_u64(camera, REG_Timestamp, camera_ns(camera, now_ns()));
    set_u64(camera, REG_CounterValue, counter_events(camera, 0));
    set_u64(camera, REG_CounterValue + 8, counter_events(camera, 1));
    set_u64(camera, REG_EncoderValue, (uint64_t)encoder_counts(camera, now_ns()));
}

static bool in_range(uint64_t address, size_t size) {
    return address <= REGISTER_BYTES && size <= REGISTER_BYTES - address;
}

int32_t register_read(struct camera *camera, uint64_t address, void *data, size_t size) {
    if (!in_range(address, size))
        return fail(ERR_INVALID_ADDRESS, "the camera has no such register");
    refresh(camera);
    memcpy(data, camera->registers + address, size);
    return OK;
}

static void reset_device(struct camera *camera) {
    camera->control->absent_until_ns = now_ns() + RESET_NS;
    __atomic_fetch_add(&camera->control->losses, 1, __ATOMIC_RELAXED);
}

/* Carries out a command; false when the address is none. */
static bool execute(struct camera *camera, unsigned address, int32_t *error) {
    *error = OK;
    switch (address) {
    case REG_AcquisitionStart: *error = acquisition_start(camera); return true;
    case REG_AcquisitionStop: acquisition_stop(camera); return true;
    case REG_TriggerSoftware:
    case REG_TriggerSoftware + 4:
    case REG_TriggerSoftware + 8: camera->software_triggers++; return true;
    case REG_TimestampLatch: set_u64(camera, REG_TimestampLatchValue, camera_ns(camera, now_ns())); return true;
    case REG_CounterReset: counter_reset(camera, 0); return true;
    case REG_CounterReset + 4: counter_reset(camera, 1); return true;
    case REG_EncoderReset: encoder_reset(camera); return true;
    case REG_UserSetLoad: registers_power_up(camera); return true;
    case REG_DeviceReset: reset_device(camera); return true;
    default: return false;
    }
}

/* What else a written value changes: it is kept in steps, or limited by another one. */
static void settle(struct camera *camera, unsigned address) {
    if (address == REG_ExposureTime)
        set_f64(camera, REG_ExposureTime, as_kept(reg_f64(camera, REG_ExposureTime)));
    if (address == REG_ExposureTime || address == REG_AcquisitionFrameRate) {
        double most_hz = 1e6 / fmax(reg_f64(camera, REG_ExposureTime), 1.0);
        set_f64(camera, REG_AcquisitionFrameRate, fmin(reg_f64(camera, REG_AcquisitionFrameRate), most_hz));
    }
    if (address == REG_DeviceLinkHeartbeatTimeout)
        camera->control->linger_ms = (uint32_t)(reg_f64(camera, REG_DeviceLinkHeartbeatTimeout) / 1000.0);
    if (address == REG_GevHeartbeatTimeout)
        camera->control->linger_ms = reg_u32(camera, REG_GevHeartbeatTimeout);
}

int32_t register_write(struct camera *camera, uint64_t address, const void *data, size_t size) {
    int32_t error;
    if (!in_range(address, size))
        return fail(ERR_INVALID_ADDRESS, "the camera has no such register");
    if (!execute(camera, (unsigned)address, &error)) {
        memcpy(camera->registers + address, data, size);
        settle(camera, (unsigned)address);
    }
    pthread_cond_broadcast(&sim.changed);
    return error;
}
