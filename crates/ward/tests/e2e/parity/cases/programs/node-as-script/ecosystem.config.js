module.exports = {apps: [{name: 'a', script: 'node', args: 'app.js -x'}, {name: 'b', script: process.execPath, args: ['app.js']}]};
