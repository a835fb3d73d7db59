module.exports = {apps: [{name: 'a', script: 'app.js', env: {A: 1}}, {name: 'b', script: 'app.sh', args: 'x'}]};
