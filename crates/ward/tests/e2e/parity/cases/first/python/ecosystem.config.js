module.exports = {apps: [{name: 'py', script: 'app.py', interpreter: 'python3', args: ['--port', '8000']}, {name: 'sh', script: './app.sh', args: '-x "a b"'}]};
