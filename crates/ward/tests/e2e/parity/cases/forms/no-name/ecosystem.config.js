module.exports = {apps: [{script: './app.sh'}, {script: 'worker.test.js'}]};
