// So many peers talk to socket.io by HTTP polling: each has an address of its own, and each request
// a connection of its own. Prints the answers per peer, or what went wrong.
const http = require('http')
const { io } = require('socket.io-client')

const [port, peers] = process.argv.slice(2)
setTimeout(() => process.exit(7), 30_000).unref()

const talk = async (peer) => {
  const agent = new http.Agent({ keepAlive: false, localAddress: `127.0.0.${peer}` })
  const options = { transports: ['polling'], agent, reconnection: false, forceNew: true }
  const socket = io(`http://127.0.0.1:${port}`, options)
  const failed = new Promise((resolve, reject) => {
    socket.on('connect_error', (error) => reject(error))
    socket.on('disconnect', (reason) => reject(new Error(reason)))
  })
  const questions = async () => {
    const answers = []
    while (answers.length < 4) answers.push(await socket.emitWithAck('ask', `message ${answers.length}`))
    return answers
  }
  try {
    return await Promise.race([questions(), failed])
  } catch (error) {
    return String(error)
  } finally {
    failed.catch(() => {})
    socket.disconnect()
  }
}

const main = async () => {
  const all = []
  for (let peer = 1; peer <= peers; peer++) all.push(await talk(peer))
  // A refused client of socket.io keeps the process for a while.
  process.stdout.write(JSON.stringify(all), () => process.exit(0))
}
main()
