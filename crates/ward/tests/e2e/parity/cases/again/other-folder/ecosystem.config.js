module.exports = {apps: [{name: 'a', script: 'app.js', out_file: 'a.log'}]};
