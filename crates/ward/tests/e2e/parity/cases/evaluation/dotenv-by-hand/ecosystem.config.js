const fs = require('fs');
const path = require('path');
const env = {};
fs.readFileSync(path.join(__dirname, '.env'), 'utf8').split('\n').forEach((line) => {
  const at = line.indexOf('=');
  if (at > 0 && !line.startsWith('#')) env[line.slice(0, at).trim()] = line.slice(at + 1).trim();
});
module.exports = {apps: [{name: 'api', script: './app.js', env}]};
