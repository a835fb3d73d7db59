// Notes how it was started, then serves.
const fs = require('fs')
const http = require('http')
const path = require('path')
const { env } = process
const seen = {
  worker: require('cluster').isWorker,
  argv: process.argv.slice(1),
  execArgv: process.execArgv,
  cwd: process.cwd(),
  env,
}
fs.writeFileSync(path.join(env.SEEN, env.APP + '.json'), JSON.stringify(seen))
http.createServer((_, response) => response.end(String(process.pid))).listen(env.PORT, () => {
  console.log('serving')
})
