require('./app.js');
