// The log pane looks here as it does under a cell: the same files.
import '../../nbprocess/views/static/theme.css';
import '../../nbprocess/views/static/log.css';
import './base.css';
