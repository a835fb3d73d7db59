const fs = require('fs');
for (const line of fs.readFileSync('.env', 'utf8').split('\n')) {
  const [name, value] = line.split('=');
  if (value) process.env[name] = value;
}
module.exports = {apps: [{name: 'web', script: 'app.js'}]};
