'use strict'
// Loaded by ward before the app of a cluster worker. It lets the worker finish when the daemon asks
// for it, and tells what goes on inside. `agent: false` in the app's declaration leaves it out,
// `pmx: false` only what it tells.
const name = require('path').basename(__filename)
const at = process.execArgv.findIndex((word) => word.endsWith(name))
if (at > 0) process.execArgv.splice(at - 1, 2)

