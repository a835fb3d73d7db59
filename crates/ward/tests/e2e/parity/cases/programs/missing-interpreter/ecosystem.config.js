module.exports = {apps: [{name: 'a', script: 'app.js', interpreter: 'no-such-interpreter'}]};
