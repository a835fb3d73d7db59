module.exports = {apps: [{name: 'a', script: 'app.js'}, {name: 'b', script: 'app.sh'}, {name: 'c', script: 'app.js'}]};
