module.exports = {apps: [{name: 'gone', script: 'gone.js'}, {name: 'there', script: 'app.js'}]};
