/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real-time clock with 128 bytes of battery-backed memory, ports 0x70 and 0x71. The time starts
 * as the host's UTC; what the guest sets goes on from there. Source: MC146818A datasheet.
 */
#ifndef HW_RTC_MC146818RTC_H
#define HW_RTC_MC146818RTC_H

#include "hw/isa/isa.h"

#define TYPE_MC146818_RTC "mc146818rtc"
OBJECT_DECLARE_SIMPLE_TYPE(MC146818RtcState, MC146818_RTC)

#define RTC_ISA_IRQ 8
#define RTC_CENTURY 0x32            /* offset of the century, for the FADT */

/*
 * The clock on ISA interrupt 8. @base_year is taken off the year before it is split into century
 * and year: a PC has 0, which makes CMOS 0x32 and 0x37 read 20.
 */
MC146818RtcState *mc146818_rtc_init(ISABus *bus, int base_year);
/* CMOS byte @addr (0 to 127) as the firmware keeps it; not for the time's registers. */
void mc146818rtc_set_cmos_data(MC146818RtcState *s, int addr, int val);
int mc146818rtc_get_cmos_data(MC146818RtcState *s, int addr);

#endif /* HW_RTC_MC146818RTC_H */
