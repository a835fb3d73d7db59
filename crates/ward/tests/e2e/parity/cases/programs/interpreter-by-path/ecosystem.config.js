module.exports = {apps: [{name: 'a', script: 'app.js', interpreter: '/usr/bin/env', interpreter_args: 'node'}, {name: 'b', script: 'app.py', exec_interpreter: 'python3'}]};
