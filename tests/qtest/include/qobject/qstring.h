/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scalar QString as a plain C value, borrowed from its QObject. */
#ifndef QTEST_QSTRING_H
#define QTEST_QSTRING_H

#include "qobject/qobject.h"

const char *qstring_get_str(const QString *string);

#endif
