module.exports = [{name: 'a', script: 'app.js'}, {name: 'b', script: './app.sh'}];
