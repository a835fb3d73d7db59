module.exports = {apps: [{name: 'with', script: './one/app.js'}, {name: 'without', script: 'app.js'}]};
