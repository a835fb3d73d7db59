'use strict'
// Node's own primary: forks the worker and restarts nothing.
const cluster = require('cluster')
cluster.setupPrimary({ exec: require('path').join(__dirname, 'worker.js') })
for (let i = 0; i < Number(process.env.WORKERS); i++) cluster.fork()
