// So many TLS connections one after the other, each with the ticket of an earlier one; prints what
// was answered and whether the session was resumed.
const fs = require('fs')
const tls = require('tls')

const [version, port, count] = process.argv.slice(2)
setTimeout(() => process.exit(7), 30_000).unref()
let session

const talk = () => new Promise((resolve, reject) => {
  const ca = fs.readFileSync('cert.pem')
  const versions = { minVersion: version, maxVersion: version }
  const socket = tls.connect({ host: 'localhost', port, ca, session, ...versions })
  let text = ''
  socket.setEncoding('utf8')
  socket.on('session', (ticket) => { session = ticket })
  socket.on('data', (more) => { text += more })
  socket.on('end', () => resolve({ resumed: socket.isSessionReused(), ...JSON.parse(text) }))
  socket.on('error', reject)
})

const main = async () => {
  const all = []
  for (let done = 0; done < count; done++) all.push(await talk())
  console.log(JSON.stringify(all))
}
main()
