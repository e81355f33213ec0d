/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scalar QNum as a plain C value, borrowed from its QObject. */
#ifndef QTEST_QNUM_H
#define QTEST_QNUM_H

#include "qobject/qobject.h"

int64_t qnum_get_int(const QNum *num);

#endif
