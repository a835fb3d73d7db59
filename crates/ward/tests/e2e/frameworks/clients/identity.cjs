// A key and a certificate for localhost.
const fs = require('fs')
const selfsigned = require('selfsigned')

const main = async () => {
  const names = [{ name: 'commonName', value: 'localhost' }]
  const extensions = [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }]
  const made = await selfsigned.generate(names, { keySize: 2048, algorithm: 'sha256', extensions })
  fs.writeFileSync('key.pem', made.private)
  fs.writeFileSync('cert.pem', made.cert)
  console.log('true')
}
main()
