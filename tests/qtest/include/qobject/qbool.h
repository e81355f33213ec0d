/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scalar QBool as a plain C value, borrowed from its QObject. */
#ifndef QTEST_QBOOL_H
#define QTEST_QBOOL_H

#include "qobject/qobject.h"

bool qbool_get_bool(const QBool *value);

#endif
